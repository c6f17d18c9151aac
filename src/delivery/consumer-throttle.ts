import type { Attempt } from './consumer-http.js';

/** So many failures in a row are not one odd event's. */
const failuresToOpen = 5;
const firstBreakMs = 5_000;
const longestBreakMs = 60_000;
const longestObeyedMs = 3_600_000;

export type LaneState = 'closed' | 'open' | 'half-open';

/**
 * How much one consumer is given at once: its breaker and its ramp. It opens after failures in a row, for 5 s at first and
 * up to a minute; then one delivery looks. Each success lets one more go out beside it, up to the consumer's own limit, and
 * each failure halves their number: a consumer that comes back is not run over by its backlog.
 */
export class ConsumerLane {
  lastSuccessAt: Date | undefined;
  private underWay = 0;
  private width = 1;
  private failuresInARow = 0;
  private openUntilMs = 0;
  private openedAtMs = 0;

  /**
   * @param concurrency deliveries that may be under way at once
   * @param now milliseconds of a clock that is never put right
   */
  constructor(
    private readonly concurrency: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get state(): LaneState {
    if (this.now() < this.openUntilMs) return 'open';
    return this.failuresInARow >= failuresToOpen ? 'half-open' : 'closed';
  }

  /** Deliveries that may begin now. */
  get free(): number {
    return this.state === 'open' ? 0 : Math.max(0, Math.floor(this.width) - this.underWay);
  }

  /** When an open lane may be tried again, in milliseconds from now; 0 when it is not open. */
  get opensInMs(): number {
    return Math.max(0, this.openUntilMs - this.now());
  }

  begin(): void {
    this.underWay += 1;
  }

  end(): void {
    this.underWay -= 1;
  }

  succeeded(): void {
    this.lastSuccessAt = new Date();
    this.failuresInARow = 0;
    this.width = Math.min(this.concurrency, this.width + 1);
  }

  /** @param retryAfterSeconds what the consumer asked for: nothing of it goes out earlier */
  failed({
    retryAfterSeconds = 0,
    durationMs = 0,
  }: Partial<Pick<Attempt, 'retryAfterSeconds' | 'durationMs'>> = {}): void {
    // What was under way when it opened tells nothing new, however late it ends.
    const known = this.state === 'open' || this.now() - durationMs < this.openedAtMs;
    this.pause(Math.min(retryAfterSeconds * 1_000, longestObeyedMs));
    if (known) return;
    this.failuresInARow += 1;
    this.width = Math.max(1, this.width / 2);
    if (this.failuresInARow < failuresToOpen) return;
    this.width = 1;
    this.openedAtMs = this.now();
    const breakMs = Math.min(longestBreakMs, firstBreakMs * 2 ** (this.failuresInARow - failuresToOpen));
    this.pause(breakMs * (0.75 + Math.random() / 2));
  }

  private pause(forMs: number): void {
    this.openUntilMs = Math.max(this.openUntilMs, this.now() + forMs);
  }
}
