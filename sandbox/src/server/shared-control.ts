import { z } from 'zod';
import { ControlInputError, lastOf, parseInput } from './control-input.js';
import type { ControlRoute } from './control-api.js';
import type { FaultRules } from '../faults/fault-rules.js';
import type { FaultRule } from '../faults/fault.js';
import type { RequestLog } from './request-log.js';
import type { VirtualClock } from './virtual-clock.js';

const ADVANCE = z.strictObject({ advanceMs: z.int().min(0) });

/** The part of the control API that every service has: faults, requests, and the clock where there is one. */
export function sharedControl(
  parts: { faults: FaultRules; requestLog: RequestLog; clock?: VirtualClock },
  routes: readonly string[],
): ControlRoute[] {
  const { faults, requestLog, clock } = parts;
  return [
    {
      method: 'POST',
      path: '/faults',
      help: 'add a fault rule; answers its id',
      run: ({ body }) => ({ id: faults.add(body as FaultRule) }),
    },
    {
      method: 'GET',
      path: '/faults',
      help: 'the rules still in force',
      run: () => ({ faults: faults.list() }),
    },
    { method: 'DELETE', path: '/faults', help: 'drop every rule', run: () => faults.clear() },
    {
      method: 'GET',
      path: '/requests',
      help: `calls in order of arrival, and counts; ?route=${routes.join('|')} and ?last=100`,
      run: ({ query }) => {
        const requests = requestLog.list(wantedRoute(query, routes));
        const concurrent = routes.map((route) => [route, requestLog.maxConcurrent(route)]);
        return {
          count: requests.length,
          max_concurrent: Object.fromEntries(concurrent),
          requests: lastOf(requests, query),
        };
      },
    },
    {
      method: 'GET',
      path: '/requests/count',
      help: 'only how many; same filter',
      run: ({ query }) => ({ count: requestLog.list(wantedRoute(query, routes)).length }),
    },
    { method: 'DELETE', path: '/requests', help: 'forget the calls so far', run: () => requestLog.clear() },
    ...(clock ? [clockControl(clock)] : []),
  ];
}

function clockControl(clock: VirtualClock): ControlRoute {
  return {
    method: 'POST',
    path: '/clock',
    help: 'advance the clock: {"advanceMs": 60000}',
    run: ({ body }) => ({ now: new Date(clock.advance(parseInput(ADVANCE, body).advanceMs)).toISOString() }),
  };
}

function wantedRoute(query: URLSearchParams, routes: readonly string[]): string | undefined {
  const route = query.get('route') ?? undefined;
  if (route !== undefined && !routes.includes(route)) {
    throw new ControlInputError('route', `must be one of ${routes.join(', ')}`);
  }
  return route;
}
