import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';

/** Requests of strangers or of busy callers, as many as fit on some connections, until `stop`. */
export interface Flood {
  /** Requests that ended so far, with or without a response. */
  readonly ended: number;
  stop(): Promise<void>;
}

interface FloodedRequest {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/**
 * Sends one request after the other on each connection. Each may take 2 s: a flood does not wait for slow responses.
 * @param create makes the next request, from its number
 */
export function startFlood(
  origin: string,
  connections: number,
  create: (index: number) => FloodedRequest,
): Flood {
  const agent = new Agent({ connections });
  const stop = new AbortController();
  let started = 0;
  let ended = 0;
  const loops = Array.from({ length: connections }, async () => {
    while (!stop.signal.aborted) {
      const { path, ...options } = create(started);
      started += 1;
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(2_000)]);
      await request(origin + path, { dispatcher: agent, signal, ...options })
        .then(({ body }) => body.dump())
        // A connection that the gateway closes costs the flood a pause, not the test its result.
        .catch(() => sleep(5));
      ended += 1;
    }
  });
  return {
    get ended() {
      return ended;
    },
    async stop() {
      stop.abort();
      await Promise.all(loops);
      await agent.destroy();
    },
  };
}

/** On a busy machine, a flood lasts longer instead of proving less. */
const MIN_RESULTS = 8;

/** Repeats work for some seconds, several times at once, and returns all results. */
export async function during<T>(seconds: number, work: () => Promise<T>, parallel = 1): Promise<T[]> {
  const results: T[] = [];
  const end = performance.now() + seconds * 1_000;
  const repeat = async () => {
    while (performance.now() < end || results.length < MIN_RESULTS) results.push(await work());
  };
  await Promise.all(Array.from({ length: parallel }, repeat));
  return results;
}
