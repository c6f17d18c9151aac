/** A partner token and its times, in milliseconds by `performance.now()`. All are counted from when its login was sent. */
export interface KigoToken {
  readonly value: string;
  readonly issuedAt: number;
  /** From then on it is refreshed in the background. */
  readonly refreshAt: number;
  /** From then on callers wait for the refresh. */
  readonly blockingRefreshAt: number;
  readonly expiresAt: number;
}

const MAX_MARGIN_MS = 60_000;

/** `refreshAt` is a random point in 60 to 80 % of the TTL, so that replicas that log in together do not refresh together. */
export function createToken(
  value: string,
  issuedAt: number,
  ttlMs: number,
  random = Math.random(),
): KigoToken {
  return {
    value,
    issuedAt,
    refreshAt: issuedAt + ttlMs * (0.6 + 0.2 * random),
    blockingRefreshAt: issuedAt + ttlMs - Math.min(MAX_MARGIN_MS, ttlMs * 0.05),
    expiresAt: issuedAt + ttlMs,
  };
}
