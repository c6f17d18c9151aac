/** The shortest interval between two runs: /metrics is public. */
const MIN_INTERVAL_MS = 15_000;
/** After a run the task is idle for ten times as long as it took, so it runs for at most a tenth of the time. */
const IDLE_RATIO = 10;
/** Shorter than the timeout of a scrape, which is 10 s by default in Prometheus. */
const FIRST_WAIT_MS = 5_000;

export interface Snapshot<T> {
  readonly value: T;
  /** Time since the run that returned it began. */
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

  /** @param onFailure called with the error of a failed run; the last result stays, and its age rises */
  constructor(
    private readonly task: () => Promise<T>,
    private readonly onFailure: (error: unknown) => void,
    private readonly now = () => performance.now(),
  ) {}

  async read(): Promise<Snapshot<T> | undefined> {
    if (this.now() >= this.refreshableAt) this.pending ??= this.refresh();
    if (!this.last && this.pending) await (this.firstRead ??= atMost(FIRST_WAIT_MS, this.pending));
    return this.last && { value: this.last.value, ageMs: this.now() - this.last.startedAt };
  }

  /** Drops the last result. */
  invalidate(): void {
    this.last = undefined;
    this.firstRead = undefined;
  }

  private async refresh(): Promise<void> {
    const startedAt = this.now();
    try {
      this.last = { value: await this.task(), startedAt };
    } catch (error) {
      this.onFailure(error);
    }
    const endedAt = this.now();
    this.refreshableAt = endedAt + Math.max(MIN_INTERVAL_MS, IDLE_RATIO * (endedAt - startedAt));
    this.pending = undefined;
  }
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms).unref();
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
