import { backoffMs } from '../async/backoff.js';
import type { DeliveryAttempt } from './consumer-http.js';

/** Consecutive failures that open the circuit; fewer may be caused by single events. */
const FAILURE_THRESHOLD = 5;
/** 5 s at first, at most a minute; jitter takes away up to 25 %. */
const OPEN_BACKOFF = { initialMs: 5_000, maxMs: 60_000, jitter: 0.25 };
const MAX_RETRY_AFTER_MS = 3_600_000;

export type BreakerState = 'closed' | 'open' | 'half-open';

/**
 * Limits the concurrent deliveries to one consumer with a circuit breaker and an AIMD ramp. The circuit opens after consecutive
 * failures, for 5 s at first and up to a minute, and then allows one trial delivery. Each success adds a slot, up to the concurrency of
 * the consumer, and each failure halves the slots, so that a backlog does not overload a consumer that has just recovered.
 *
 * The breaker is our own: workers ask for free slots before they lease deliveries instead of having calls rejected, `Retry-After` opens
 * or extends it at any failure, and its clock is monotonic. Cockatiel's wraps single calls and offers none of these.
 */
export class ConsumerThrottle {
  private lastSuccess: Date | undefined;
  private inFlight = 0;
  private limit = 1;
  private consecutiveFailures = 0;
  private openUntilMs = 0;
  private openedAtMs = 0;

  /**
   * @param concurrency the largest number of deliveries in flight
   * @param now reads a monotonic clock, in milliseconds
   */
  constructor(
    private readonly concurrency: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get lastSuccessAt(): Date | undefined {
    return this.lastSuccess;
  }

  get state(): BreakerState {
    if (this.now() < this.openUntilMs) return 'open';
    return this.consecutiveFailures >= FAILURE_THRESHOLD ? 'half-open' : 'closed';
  }

  /** The number of deliveries that may start now. */
  get availableSlots(): number {
    return this.state === 'open' ? 0 : Math.max(0, Math.floor(this.limit) - this.inFlight);
  }

  /** The time until the circuit is no longer open, in milliseconds; 0 if it is not open. */
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
    this.lastSuccess = new Date();
    this.consecutiveFailures = 0;
    this.limit = Math.min(this.concurrency, this.limit + 1);
  }

  /** @param retryAfterSeconds from the response: no delivery starts earlier */
  recordFailure({
    retryAfterSeconds = 0,
    durationMs = 0,
  }: Partial<Pick<DeliveryAttempt, 'retryAfterSeconds' | 'durationMs'>> = {}): void {
    // Deliveries that started before the circuit opened do not count again when they fail later.
    const alreadyCounted = this.state === 'open' || this.now() - durationMs < this.openedAtMs;
    this.openFor(Math.min(retryAfterSeconds * 1_000, MAX_RETRY_AFTER_MS));
    if (alreadyCounted) return;
    this.consecutiveFailures += 1;
    this.limit = Math.max(1, this.limit / 2);
    if (this.consecutiveFailures < FAILURE_THRESHOLD) return;
    this.limit = 1;
    this.openedAtMs = this.now();
    this.openFor(backoffMs(this.consecutiveFailures - FAILURE_THRESHOLD + 1, OPEN_BACKOFF));
  }

  private openFor(durationMs: number): void {
    this.openUntilMs = Math.max(this.openUntilMs, this.now() + durationMs);
  }
}
