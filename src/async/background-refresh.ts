/** The shortest rest: anybody may ask for metrics. */
const MIN_INTERVAL_MS = 15_000;
/** So many times as long as the work has taken is the rest after it: it has at most a tenth of the time. */
const IDLE_RATIO = 10;
/** Who asks first waits, but no longer than a scrape may (Prometheus: 10 s). */
const FIRST_WAIT_MS = 5_000;

export interface Snapshot<T> {
  readonly value: T;
  /** Since the work on it began. */
  readonly ageMs: number;
}

/**
 * Has the last result of work that may take long, and begins it anew when somebody asks and it has rested. Nobody waits for it, but
 * who asks before there is any result, and that once and not for long.
 */
export class BackgroundRefresh<T> {
  private last: { readonly value: T; readonly begunAt: number } | undefined;
  private pending: Promise<void> | undefined;
  private firstRead: Promise<void> | undefined;
  private refreshableAt = -Infinity;

  /** @param onFailure told of work that failed: what is known stays, and grows older */
  constructor(
    private readonly work: () => Promise<T>,
    private readonly onFailure: (error: unknown) => void,
    private readonly now = () => performance.now(),
  ) {}

  async read(): Promise<Snapshot<T> | undefined> {
    if (this.now() >= this.refreshableAt) this.pending ??= this.refresh();
    if (!this.last && this.pending) await (this.firstRead ??= atMost(FIRST_WAIT_MS, this.pending));
    return this.last && { value: this.last.value, ageMs: this.now() - this.last.begunAt };
  }

  /** What is known is true no more. */
  invalidate(): void {
    this.last = undefined;
    this.firstRead = undefined;
  }

  private async refresh(): Promise<void> {
    const begunAt = this.now();
    try {
      this.last = { value: await this.work(), begunAt };
    } catch (error) {
      this.onFailure(error);
    }
    const endedAt = this.now();
    this.refreshableAt = endedAt + Math.max(MIN_INTERVAL_MS, IDLE_RATIO * (endedAt - begunAt));
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
