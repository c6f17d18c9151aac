import { setTimeout as sleep } from 'node:timers/promises';
import { badge } from './gateway.js';
import type { Gateway } from './gateway.js';
import { waitFor } from './wait-for.js';

/** Requests that continue until `stop`. */
export interface Traffic {
  /** Number of responses by status. */
  readonly statuses: Map<number, number>;
  /** Number of users requested so far, each at every gateway. */
  readonly users: number;
  /** Resolves when `more` requests that start from now on have responses. */
  answered(more: number): Promise<void>;
  /** Waits for the requests in flight. */
  stop(): Promise<void>;
}

const WORKERS = 4;
/** Leaves most of the processor to the gateways, so that Redis and its pings are in time. */
const PAUSE_MS = 50;

let traffics = 0;

/** Requests the count of one new user after another, at each of these gateways in turn. */
export function startTraffic([...gateways]: readonly Gateway[]): Traffic {
  traffics += 1;
  const name = `traffic-${traffics}`;
  const statuses = new Map<number, number>();
  let users = 0;
  let started = 0;
  const stop = new AbortController();
  const isAnswered: boolean[] = [];

  async function work(): Promise<void> {
    while (!stop.signal.aborted) {
      users += 1;
      const path = badge(`${name}-${users}`);
      for (const gateway of gateways) {
        const index = started;
        started += 1;
        const response = await gateway.get(path);
        await response.arrayBuffer();
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
        isAnswered[index] = true;
        await sleep(PAUSE_MS);
      }
    }
  }

  const all = Promise.all(Array.from({ length: WORKERS }, work));
  // `stop` and `answered` report the error.
  all.catch(() => undefined);
  return {
    statuses,
    get users() {
      return users;
    },
    async answered(more) {
      const from = started;
      const done = () => isAnswered.slice(from).filter(Boolean).length >= more;
      await Promise.race([waitFor(`${more} more requests are answered`, done), all]);
    },
    async stop() {
      stop.abort();
      await all;
    },
  };
}
