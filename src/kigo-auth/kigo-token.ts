/** A partner token and the moments of its life, ms since the epoch. All are counted from when its login was sent. */
export interface KigoToken {
  readonly value: string;
  readonly sentAt: number;
  /** From here on it is renewed in the background. */
  readonly refreshAt: number;
  /** From here on callers wait for its successor. */
  readonly blockingRefreshAt: number;
  readonly endsAt: number;
}

const MAX_MARGIN_MS = 60_000;

/** The refresh moment is a random point in 60 to 80 % of the life: replicas that log in together do not do so again. */
export function createToken(
  value: string,
  issuedAt: number,
  ttlMs: number,
  random = Math.random(),
): KigoToken {
  return {
    value,
    sentAt: issuedAt,
    refreshAt: issuedAt + ttlMs * (0.6 + 0.2 * random),
    blockingRefreshAt: issuedAt + ttlMs - Math.min(MAX_MARGIN_MS, ttlMs * 0.05),
    endsAt: issuedAt + ttlMs,
  };
}
