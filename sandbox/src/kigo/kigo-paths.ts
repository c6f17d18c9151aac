import type { Call, HttpRequest } from '../server/simulated-service.js';

export const KIGO_ROUTES = ['login', 'lookup', 'summary', 'other'] as const;
export type KigoRoute = (typeof KIGO_ROUTES)[number];

/** Which endpoint a path is, with the method it takes and the account id in it. */
export interface KigoEndpoint {
  route: Exclude<KigoRoute, 'other'>;
  method: 'GET' | 'POST';
  accountId?: string;
}

/** The endpoint of a raw path; undefined when it is none. */
export function kigoEndpoint(url: string): KigoEndpoint | undefined {
  const path = url.replace(/[?#].*$/s, '');
  if (path === '/api/v1/auth/sessions') return { route: 'login', method: 'POST' };
  if (path === '/api/v1/accounts') return { route: 'lookup', method: 'GET' };
  const id = /^\/api\/v1\/accounts\/([^/]+)\/hub-summary$/.exec(path)?.[1];
  const accountId = id === undefined ? undefined : decoded(id);
  return accountId === undefined ? undefined : { route: 'summary', method: 'GET', accountId };
}

/** The one value of a query parameter, or how it fails to be one. */
export function onlyValue(request: HttpRequest, name: string): { value: string } | 'missing' | 'repeated' {
  const query = new URLSearchParams(/\?(.*)$/s.exec(request.url)?.[1] ?? '');
  const [value, ...more] = query.getAll(name);
  if (more.length > 0) return 'repeated';
  return value ? { value } : 'missing';
}

/** External ids of a lookup, for the request log and the fault rules. */
export function lookupIds(request: HttpRequest): Pick<Call, 'user' | 'program'> {
  const user = onlyValue(request, 'external_user_id');
  const program = onlyValue(request, 'external_program_id');
  return {
    ...(typeof user === 'object' && { user: user.value }),
    ...(typeof program === 'object' && { program: program.value }),
  };
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
