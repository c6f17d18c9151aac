import { withTimeout } from './time-limit.js';

/** The shortest time between two refreshes unless given, because anybody may request the metrics. */
const MIN_INTERVAL_MS = 15_000;
/** After a refresh the task stays idle ten times as long as it ran, so that it runs a tenth of the time at most. */
const IDLE_RATIO = 10;
/** How long the first read waits. A scrape may take 10 s (Prometheus). */
const FIRST_WAIT_MS = 5_000;

export interface Snapshot<T> {
  readonly value: T;
  /** Since the task that produced it started. */
  readonly ageMs: number;
}

/**
 * Caches the last result of a slow task. A read returns it at once and starts a background refresh when the minimum interval has
 * passed. Only the first read waits, for at most 5 s.
 */
export class BackgroundRefresh<T> {
  private last: { readonly value: T; readonly startedAt: number } | undefined;
  private pending: Promise<void> | undefined;
  private firstRead: Promise<void> | undefined;
  private refreshableAt = -Infinity;
  private readonly minIntervalMs: number;
  private readonly now: () => number;

  /** @param onFailure called when the task fails: the last result stays and grows older */
  constructor(
    private readonly work: () => Promise<T>,
    private readonly onFailure: (error: unknown) => void,
    { minIntervalMs = MIN_INTERVAL_MS, now = () => performance.now() } = {},
  ) {
    this.minIntervalMs = minIntervalMs;
    this.now = now;
  }

  async read(): Promise<Snapshot<T> | undefined> {
    if (this.now() >= this.refreshableAt) this.pending ??= this.refresh();
    if (!this.last && this.pending) await (this.firstRead ??= waitFor(this.pending));
    return this.peek();
  }

  /** The last result, without a refresh. */
  peek(): Snapshot<T> | undefined {
    return this.last && { value: this.last.value, ageMs: this.now() - this.last.startedAt };
  }

  /** Drops the last result, which is no longer true. */
  invalidate(): void {
    this.last = undefined;
    this.firstRead = undefined;
  }

  private async refresh(): Promise<void> {
    const startedAt = this.now();
    try {
      this.last = { value: await this.work(), startedAt };
    } catch (error) {
      this.onFailure(error);
    }
    const endedAt = this.now();
    this.refreshableAt = endedAt + Math.max(this.minIntervalMs, IDLE_RATIO * (endedAt - startedAt));
    this.pending = undefined;
  }
}

function waitFor(refresh: Promise<void>): Promise<void> {
  return withTimeout(
    FIRST_WAIT_MS,
    () => refresh,
    () => new Error('no result in time'),
  ).catch(() => undefined);
}
