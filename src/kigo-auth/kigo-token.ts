/** A partner token and the moments of its life, ms since the epoch. All are counted from when its login was sent. */
export interface KigoToken {
  readonly value: string;
  readonly sentAt: number;
  /** From here on it is renewed in the background. */
  readonly refreshAt: number;
  /** From here on callers wait for its successor. */
  readonly mustRefreshAt: number;
  readonly endsAt: number;
}

const longestMarginMs = 60_000;

/** The refresh moment is a random point in 60 to 80 % of the life: replicas that log in together do not do so again. */
export function tokenFrom(value: string, sentAt: number, lifeMs: number, random = Math.random()): KigoToken {
  return {
    value,
    sentAt,
    refreshAt: sentAt + lifeMs * (0.6 + 0.2 * random),
    mustRefreshAt: sentAt + lifeMs - Math.min(longestMarginMs, lifeMs * 0.05),
    endsAt: sentAt + lifeMs,
  };
}
