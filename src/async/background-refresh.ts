/** The shortest rest: anybody may ask for metrics. */
const shortestRestMs = 15_000;
/** So many times as long as the work has taken is the rest after it: it has at most a tenth of the time. */
const restPerWork = 10;
/** Who asks first waits, but no longer than a scrape may (Prometheus: 10 s). */
const firstWaitMs = 5_000;

export interface Known<T> {
  readonly value: T;
  /** Since the work on it began. */
  readonly ageMs: number;
}

/**
 * Has the last result of work that may take long, and begins it anew when somebody asks and it has rested. Nobody waits for it, but
 * who asks before there is any result, and that once and not for long.
 */
export class InBackground<T> {
  private last: { readonly value: T; readonly begunAt: number } | undefined;
  private underWay: Promise<void> | undefined;
  private first: Promise<void> | undefined;
  private restUntil = -Infinity;

  /** @param onFailure told of work that failed: what is known stays, and grows older */
  constructor(
    private readonly work: () => Promise<T>,
    private readonly onFailure: (error: unknown) => void,
    private readonly now = () => performance.now(),
  ) {}

  async read(): Promise<Known<T> | undefined> {
    if (this.now() >= this.restUntil) this.underWay ??= this.run();
    if (!this.last && this.underWay) await (this.first ??= atMost(firstWaitMs, this.underWay));
    return this.last && { value: this.last.value, ageMs: this.now() - this.last.begunAt };
  }

  /** What is known is true no more. */
  forget(): void {
    this.last = undefined;
    this.first = undefined;
  }

  private async run(): Promise<void> {
    const begunAt = this.now();
    try {
      this.last = { value: await this.work(), begunAt };
    } catch (error) {
      this.onFailure(error);
    }
    const endedAt = this.now();
    this.restUntil = endedAt + Math.max(shortestRestMs, restPerWork * (endedAt - begunAt));
    this.underWay = undefined;
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
