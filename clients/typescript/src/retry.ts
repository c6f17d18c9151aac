import { GatewayProblem } from './gateway-problem.js';

const BASE_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
/** Of a proxy that did not reach the gateway, or had enough. */
const TRANSIENT = [429, 502, 503, 504];

/** How long to wait before the next attempt; undefined if there is to be none. */
export function retryDelayMs(
  failure: unknown,
  attempt: number,
  { repeatable }: { readonly repeatable: boolean },
): number | undefined {
  const backoffMs = Math.random() * Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** attempt);
  // Without a response, nobody knows whether the request arrived.
  if (!(failure instanceof GatewayProblem)) return repeatable ? backoffMs : undefined;
  const { retryable = TRANSIENT.includes(failure.status), retryAfterMs = 0 } = failure;
  // Only these say that nothing was done: after the others, a commit may have succeeded.
  const isSafe = repeatable || failure.is('rate-limited') || failure.is('upstream-busy');
  return retryable && isSafe ? retryAfterMs + backoffMs : undefined;
}

/** How long to wait before a feed is read again after a failure; undefined if it is to end. */
export function pollDelayMs(failure: unknown, pollMs: number): number | undefined {
  const isProblem = failure instanceof GatewayProblem;
  // `fetch` fails with a TypeError.
  if (!isProblem && !['TypeError', 'TimeoutError'].includes((failure as Error).name)) return undefined;
  const delayMs = retryDelayMs(failure, 0, { repeatable: true });
  return delayMs === undefined ? undefined : Math.max(pollMs, delayMs);
}

/** @throws the reason of the signal */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** @throws the reason of the signal, if it comes first */
export function raceAbort<T>(get: () => T | Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  return Promise.race([get(), aborted]);
}
