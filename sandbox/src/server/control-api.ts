import { jsonResponse, textResponse } from './http-response.js';
import type { HttpResponse } from './http-response.js';
import { ControlInputError } from './control-input.js';
import { FAULT_HELP } from '../faults/fault.js';
import type { HttpRequest } from './simulated-service.js';

export const CONTROL_PREFIX = '/__sandbox';

/** One line of the control API. */
export interface ControlRoute {
  method: string;
  /** Below the prefix: '' or '/faults'. */
  path: string;
  help: string;
  /** The response as JSON, or a promise of it; undefined is 204. */
  run(input: { body: unknown; query: URLSearchParams }): unknown;
}

/** Answers a call to the control API from a table of routes; bad input is a 400 that names the field. */
export async function controlResponse(
  routes: readonly ControlRoute[],
  request: HttpRequest,
  moreHelp: readonly string[] = [],
): Promise<HttpResponse> {
  const { pathname, searchParams } = new URL(request.url, 'http://sandbox');
  const path = pathname.slice(CONTROL_PREFIX.length).replace(/\/$/, '');
  if (path === '' && request.method === 'GET') return textResponse(200, helpText(routes, moreHelp));
  const there = routes.filter((route) => route.path === path);
  const route = there.find(({ method }) => method === request.method);
  if (!route) {
    const status = there.length > 0 ? 405 : 404;
    const allow: Record<string, string> =
      there.length > 0 ? { allow: there.map(({ method }) => method).join(', ') } : {};
    return jsonResponse(status, { error: `no such control route; GET ${CONTROL_PREFIX} lists them` }, allow);
  }
  try {
    const result = await route.run({ body: parsed(request.body), query: searchParams });
    return result === undefined ? textResponse(204, '') : jsonResponse(200, result);
  } catch (error) {
    if (!(error instanceof ControlInputError)) throw error;
    return jsonResponse(400, { error: error.message, field: error.field });
  }
}

function parsed(body: string): unknown {
  if (body.trim() === '') return {};
  try {
    return JSON.parse(body);
  } catch {
    throw new ControlInputError('body', 'must be JSON');
  }
}

function helpText(routes: readonly ControlRoute[], moreHelp: readonly string[]): string {
  const lines = routes.map(
    ({ method, path, help }) => `${method.padEnd(6)} ${CONTROL_PREFIX}${path}`.padEnd(40) + help,
  );
  return [
    'Sandbox control API: JSON in, JSON out.',
    '',
    ...lines,
    '',
    'A fault rule is {"kind", ...} and any of route, user, program, account, device, moment, times, rate, seed. Kinds:',
    ...FAULT_HELP.map((line) => `  ${line}`),
    '',
    ...moreHelp.flatMap((line, index) => (index === moreHelp.length - 1 ? [line, ''] : [line])),
  ].join('\n');
}
