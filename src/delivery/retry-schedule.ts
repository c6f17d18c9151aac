import { backoffMs } from '../async/backoff.js';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;

/** 5 s at first, at most 12 h; jitter takes away up to 10 %. */
const BACKOFF = { initialMs: 5 * SECOND_MS, maxMs: 12 * HOUR_MS, jitter: 0.1 };
/** The time during which a delivery is retried. */
export const MAX_RETRY_AGE_MS = 72 * HOUR_MS;
const RETRY_AFTER_JITTER = 0.1;

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
  // Up to 10 % jitter after Retry-After, never before it.
  const retryAfterMs = Math.min(
    retryAfterSeconds * SECOND_MS * (1 + RETRY_AFTER_JITTER * Math.random()),
    MAX_RETRY_AGE_MS,
  );
  return Math.min(Math.max(backoffMs(attempts, BACKOFF), retryAfterMs), Math.max(remainingMs, retryAfterMs));
}
