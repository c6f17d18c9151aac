import type { DeliveryAttempt } from './consumer-http.js';

/** So many failures in a row are not one odd event's. */
const FAILURE_THRESHOLD = 5;
const INITIAL_OPEN_MS = 5_000;
const MAX_OPEN_MS = 60_000;
const MAX_RETRY_AFTER_MS = 3_600_000;

export type BreakerState = 'closed' | 'open' | 'half-open';

/**
 * How much one consumer is given at once: its breaker and its ramp. It opens after failures in a row, for 5 s at first and
 * up to a minute; then one delivery looks. Each success lets one more go out beside it, up to the consumer's own limit, and
 * each failure halves their number: a consumer that comes back is not run over by its backlog.
 */
export class ConsumerThrottle {
  lastSuccessAt: Date | undefined;
  private inFlight = 0;
  private limit = 1;
  private consecutiveFailures = 0;
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

  get state(): BreakerState {
    if (this.now() < this.openUntilMs) return 'open';
    return this.consecutiveFailures >= FAILURE_THRESHOLD ? 'half-open' : 'closed';
  }

  /** Deliveries that may begin now. */
  get availableSlots(): number {
    return this.state === 'open' ? 0 : Math.max(0, Math.floor(this.limit) - this.inFlight);
  }

  /** When an open lane may be tried again, in milliseconds from now; 0 when it is not open. */
  get retryInMs(): number {
    return Math.max(0, this.openUntilMs - this.now());
  }

  acquireSlot(): void {
    this.inFlight += 1;
  }

  releaseSlot(): void {
    this.inFlight -= 1;
  }

  recordSuccess(): void {
    this.lastSuccessAt = new Date();
    this.consecutiveFailures = 0;
    this.limit = Math.min(this.concurrency, this.limit + 1);
  }

  /** @param retryAfterSeconds what the consumer asked for: nothing of it goes out earlier */
  recordFailure({
    retryAfterSeconds = 0,
    durationMs = 0,
  }: Partial<Pick<DeliveryAttempt, 'retryAfterSeconds' | 'durationMs'>> = {}): void {
    // What was under way when it opened tells nothing new, however late it ends.
    const alreadyCounted = this.state === 'open' || this.now() - durationMs < this.openedAtMs;
    this.openFor(Math.min(retryAfterSeconds * 1_000, MAX_RETRY_AFTER_MS));
    if (alreadyCounted) return;
    this.consecutiveFailures += 1;
    this.limit = Math.max(1, this.limit / 2);
    if (this.consecutiveFailures < FAILURE_THRESHOLD) return;
    this.limit = 1;
    this.openedAtMs = this.now();
    const breakMs = Math.min(
      MAX_OPEN_MS,
      INITIAL_OPEN_MS * 2 ** (this.consecutiveFailures - FAILURE_THRESHOLD),
    );
    this.openFor(breakMs * (0.75 + Math.random() / 2));
  }

  private openFor(forMs: number): void {
    this.openUntilMs = Math.max(this.openUntilMs, this.now() + forMs);
  }
}
