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
  // Without a connection, nobody knows whether the request arrived.
  if (!(failure instanceof GatewayProblem)) return repeatable ? backoffMs : undefined;
  const { retryable = repeatable && TRANSIENT.includes(failure.status), retryAfterMs = 0 } = failure;
  return retryable ? retryAfterMs + backoffMs : undefined;
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
