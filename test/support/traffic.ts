import { badge } from './gateway.js';
import type { Gateway } from './gateway.js';
import { until } from './wait-for.js';

/** Requests that go on until they are stopped. */
export interface Traffic {
  /** How many answers of each status there were. */
  readonly statuses: Map<number, number>;
  /** How many users were asked for, each of them at every gateway. */
  readonly users: number;
  /** Resolves once so many more requests, begun from now on, are answered. */
  answered(more: number): Promise<void>;
  /** Waits for the requests under way. */
  stop(): Promise<void>;
}

const WORKERS = 4;

/** Asks for the badge of one new user after another, at one gateway and then at the next. */
export function startTraffic(gateways: readonly Gateway[]): Traffic {
  const statuses = new Map<number, number>();
  let users = 0;
  let begun = 0;
  const stop = new AbortController();
  const answeredOf: boolean[] = [];

  async function work(): Promise<void> {
    while (!stop.signal.aborted) {
      users += 1;
      const path = badge(`traffic-${users}`);
      for (const gateway of gateways) {
        const index = begun;
        begun += 1;
        const response = await gateway.get(path);
        await response.arrayBuffer();
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
        answeredOf[index] = true;
      }
    }
  }

  const all = Promise.all(Array.from({ length: WORKERS }, work));
  // Whoever stops the traffic gets the error.
  all.catch(() => undefined);
  return {
    statuses,
    get users() {
      return users;
    },
    async answered(more) {
      const from = begun;
      const done = () => answeredOf.slice(from).filter(Boolean).length >= more;
      await Promise.race([until(`${more} more requests are answered`, done), all]);
    },
    async stop() {
      stop.abort();
      await all;
    },
  };
}
