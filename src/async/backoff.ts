export interface BackoffOptions {
  /** The longest wait after the first failure. */
  readonly initialMs: number;
  /** The longest wait after any number of failures. */
  readonly maxMs: number;
  /** The share of the wait that chance may take away: 0 for none, 1 for full jitter. */
  readonly jitter?: number;
}

/**
 * How long to wait after a number of failures in a row: twice as long after each, up to a maximum. Jitter spreads clients that failed
 * together. It only ever shortens the wait, so `initialMs` and `maxMs` are true limits.
 * @param failures 1 after the first failure
 * @returns milliseconds
 */
export function backoffMs(failures: number, { initialMs, maxMs, jitter = 0.5 }: BackoffOptions): number {
  const longestMs = Math.min(maxMs, initialMs * 2 ** (failures - 1));
  return longestMs * (1 - jitter * Math.random());
}
