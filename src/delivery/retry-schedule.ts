const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;

const INITIAL_BACKOFF_MS = 5 * SECOND_MS;
const MAX_BACKOFF_MS = 12 * HOUR_MS;
/** How long a delivery is tried. */
export const MAX_RETRY_AGE_MS = 72 * HOUR_MS;
const JITTER = 0.1;

export interface FailedDelivery {
  /** Attempts so far, this one included, since `sinceMs` began. */
  readonly attempts: number;
  /** How long the delivery has been tried. */
  readonly ageMs: number;
  /** What the consumer asked for. */
  readonly retryAfterSeconds: number | undefined;
}

/**
 * When a delivery that failed is tried again (contract, "Deliveries"): after 5 s, then about twice as long each time, up to
 * 12 h apart, for 3 days. The last attempt is at the end of the third day: a consumer that is back by then misses nothing.
 * A consumer may ask for more time, but for no more than three days.
 * @returns milliseconds from now; undefined when the time is over
 */
export function nextAttemptInMs({
  attempts: tries,
  ageMs: sinceMs,
  retryAfterSeconds = 0,
}: FailedDelivery): number | undefined {
  const remainingMs = MAX_RETRY_AGE_MS - sinceMs;
  if (remainingMs <= 0) return undefined;
  const backoffMs = Math.min(MAX_BACKOFF_MS / (1 + JITTER), INITIAL_BACKOFF_MS * 2 ** (tries - 1));
  const spread = 1 + JITTER * (2 * Math.random() - 1);
  // Those who were told the same time are not to come back in the same instant; nor before it.
  const retryAfterMs =
    Math.min(retryAfterSeconds * SECOND_MS, MAX_RETRY_AGE_MS) * (1 + JITTER * Math.random());
  return Math.min(Math.max(backoffMs * spread, retryAfterMs), Math.max(remainingMs, retryAfterMs));
}
