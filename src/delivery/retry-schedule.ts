const secondMs = 1_000;
const hourMs = 3_600 * secondMs;

const firstPauseMs = 5 * secondMs;
const longestPauseMs = 12 * hourMs;
/** How long a delivery is tried. */
export const triedForMs = 72 * hourMs;
const jitter = 0.1;

export interface Failure {
  /** Attempts so far, this one included, since `sinceMs` began. */
  readonly tries: number;
  /** How long the delivery has been tried. */
  readonly sinceMs: number;
  /** What the consumer asked for. */
  readonly retryAfterSeconds: number | undefined;
}

/**
 * When a delivery that failed is tried again (contract, "Deliveries"): after 5 s, then about twice as long each time, up to
 * 12 h apart, for 3 days. The last attempt is at the end of the third day: a consumer that is back by then misses nothing.
 * A consumer may ask for more time, but for no more than three days.
 * @returns milliseconds from now; undefined when the time is over
 */
export function nextAttemptMs({ tries, sinceMs, retryAfterSeconds = 0 }: Failure): number | undefined {
  const leftMs = triedForMs - sinceMs;
  if (leftMs <= 0) return undefined;
  const pauseMs = Math.min(longestPauseMs / (1 + jitter), firstPauseMs * 2 ** (tries - 1));
  const spread = 1 + jitter * (2 * Math.random() - 1);
  // Those who were told the same time are not to come back in the same instant; nor before it.
  const askedMs = Math.min(retryAfterSeconds * secondMs, triedForMs) * (1 + jitter * Math.random());
  return Math.min(Math.max(pauseMs * spread, askedMs), Math.max(leftMs, askedMs));
}
