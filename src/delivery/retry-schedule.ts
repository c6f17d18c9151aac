const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;

const INITIAL_BACKOFF_MS = 5 * SECOND_MS;
const MAX_BACKOFF_MS = 12 * HOUR_MS;
/** The time during which a delivery is retried. */
export const MAX_RETRY_AGE_MS = 72 * HOUR_MS;
const JITTER = 0.1;

export interface FailedDelivery {
  /** Attempts since the schedule started, including the one that has just failed. */
  readonly attempts: number;
  /** Time since the first of these attempts. */
  readonly ageMs: number;
  /** From the response of the consumer. */
  readonly retryAfterSeconds: number | undefined;
}

/**
 * When a failed delivery is retried: after 5 s, then about twice as long each time, at most 12 h apart, for 3 days. The last attempt is
 * at the end of the third day, so that a consumer that has recovered by then misses nothing. A longer `Retry-After` is obeyed up to
 * three days.
 * @returns milliseconds from now; undefined when the schedule has ended
 */
export function nextAttemptInMs({
  attempts,
  ageMs,
  retryAfterSeconds = 0,
}: FailedDelivery): number | undefined {
  const remainingMs = MAX_RETRY_AGE_MS - ageMs;
  if (remainingMs <= 0) return undefined;
  const backoffMs = Math.min(MAX_BACKOFF_MS / (1 + JITTER), INITIAL_BACKOFF_MS * 2 ** (attempts - 1));
  const spread = 1 + JITTER * (2 * Math.random() - 1);
  // Up to 10 % jitter after Retry-After, never before it.
  const retryAfterMs =
    Math.min(retryAfterSeconds * SECOND_MS, MAX_RETRY_AGE_MS) * (1 + JITTER * Math.random());
  return Math.min(Math.max(backoffMs * spread, retryAfterMs), Math.max(remainingMs, retryAfterMs));
}
