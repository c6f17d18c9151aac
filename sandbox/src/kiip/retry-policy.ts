/**
 * What the sender does after an attempt that failed. Kiip documents nothing, so the default is `none`; the others are
 * what comparable networks do: `tapjoy` every 5 minutes for 4 days unless the response is 200 or 403; `buzzvil` after
 * 1 min, 10 min, 1 h, 3 h and 24 h unless it is 200; `time-out` twice more, 5 seconds apart, after a time-out alone.
 */
export const RETRY_POLICIES = ['none', 'tapjoy', 'buzzvil', 'time-out'] as const;
export type RetryPolicy = (typeof RETRY_POLICIES)[number];

/** One attempt at a callback. */
export interface Attempt {
  /** Start, by the virtual clock, in milliseconds since the epoch. */
  at: number;
  /** null: no response came. */
  status: number | null;
  /** Of the response. */
  body: string;
  durationMs: number;
  /** ETIMEDOUT, ECONNREFUSED, …; null when a response came. */
  error: string | null;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const BUZZVIL_MS = [MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 24 * HOUR_MS];

const NEXT: Record<RetryPolicy, (last: Attempt, history: readonly Attempt[]) => number | undefined> = {
  none: () => undefined,
  tapjoy: (last, [first = last]) =>
    last.status === 403 || last.at - first.at >= 96 * HOUR_MS ? undefined : 5 * MINUTE_MS,
  buzzvil: (_, history) => BUZZVIL_MS[history.length - 1],
  'time-out': (last, history) => (last.error === 'ETIMEDOUT' && history.length <= 2 ? 5_000 : undefined),
};

/** How long after this failed attempt, the latest of `history`, the next one comes; undefined: never. */
export function retryDelayMs(policy: RetryPolicy, history: readonly Attempt[]): number | undefined {
  const last = history.at(-1);
  if (!last || last.status === 200) return undefined;
  return NEXT[policy](last, history);
}
