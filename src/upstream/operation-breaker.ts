import { Logger } from '@nestjs/common';
import { BrokenCircuitError, CircuitState, CountBreaker, circuitBreaker, handleWhen } from 'cockatiel';
import type { CircuitBreakerPolicy, IBackoff, IHalfOpenAfterBackoffContext } from 'cockatiel';
import { causeOf, UpstreamError, upstreamFailures } from './upstream-error.js';
import type { UpstreamFailure, Vendor } from './upstream-error.js';

const firstOpenMs = 5_000;
const longestOpenMs = 30_000;
/** A vendor may ask for a longer break than ours; past this we look for ourselves again. */
const longestObeyedMs = 120_000;

/** So many failures in a row are not one odd account's. */
const failing = 3;
const reportEveryMs = 10_000;

export type CircuitView = 'closed' | 'open' | 'half-open';

/**
 * The breaker of one vendor operation. It counts single attempts, so retries stop as soon as it opens, and lets one attempt
 * through to see whether the vendor is back; while that one is out, others are refused, not kept waiting.
 */
export class Circuit {
  lastSuccessAt: Date | undefined;
  lastFailure: { readonly at: Date; readonly error: UpstreamError } | undefined;
  /** Since the start. */
  retries = 0;
  readonly failures = Object.fromEntries(upstreamFailures.map((failure) => [failure, 0])) as Record<
    UpstreamFailure,
    number
  >;
  private failuresInARow = 0;
  private openUntil = 0;
  private readonly logger = new Logger('Upstream');
  private nextReportAt = 0;
  private readonly breaker: CircuitBreakerPolicy;

  constructor(
    readonly vendor: Vendor,
    readonly operation: string,
  ) {
    this.breaker = circuitBreaker(
      handleWhen((error) => causeOf(error)?.transient === true),
      {
        breaker: new CountBreaker({ threshold: 0.5, size: 20, minimumNumberOfCalls: 5 }),
        halfOpenAfter: { next: (context) => this.openFor(context) },
      },
    );
    this.breaker.onStateChange((state) =>
      this.logger.warn({ msg: 'circuit breaker changed', vendor, operation, state: view(state) }),
    );
  }

  get state(): CircuitView {
    // The breaker itself would say "open" until the next call, which may be long in coming.
    if (this.breaker.state === CircuitState.Open && Date.now() >= this.openUntil) return 'half-open';
    return view(this.breaker.state);
  }

  /** Whether the vendor is of no use for this operation, as far as the last calls tell. */
  get failing(): boolean {
    const refused = this.lastFailure?.error.failure === 'credentials-refused' && this.failuresInARow > 0;
    return this.state === 'open' || refused || this.failuresInARow >= failing;
  }

  succeeded(): void {
    this.lastSuccessAt = new Date();
    this.failuresInARow = 0;
  }

  /** Takes note of a call that failed for good, or whose answer cannot be used, and reports it now and then. */
  failed(error: UpstreamError): void {
    // A call that was replayed or tried again comes here more than once.
    if (error.heldBack || error === this.lastFailure?.error) return;
    this.lastFailure = { at: new Date(), error };
    this.failuresInARow += 1;
    this.failures[error.failure] += 1;
    if (performance.now() < this.nextReportAt) return;
    this.nextReportAt = performance.now() + reportEveryMs;
    const { vendor, operation, failuresInARow } = this;
    this.logger.warn({
      msg: 'upstream call failed',
      vendor,
      operation,
      reason: error.message,
      failuresInARow,
    });
  }

  /** @throws UpstreamError `busy` while open; else whatever the attempt throws */
  async execute<T>(attempt: () => Promise<T>): Promise<T> {
    if (this.breaker.state === CircuitState.HalfOpen) throw this.refusal();
    try {
      return await this.breaker.execute(attempt);
    } catch (error) {
      throw error instanceof BrokenCircuitError ? this.refusal() : error;
    }
  }

  private refusal(): UpstreamError {
    const retryAfterSeconds = Math.max(1, Math.ceil((this.openUntil - Date.now()) / 1000));
    return new UpstreamError(this.vendor, this.operation, 'busy', 'calls are held back after failures', {
      retryAfterSeconds,
    });
  }

  /** Twice as long at each opening in a row, with jitter, never shorter than the vendor asked for. */
  private openFor({ attempt, result }: IHalfOpenAfterBackoffContext): IBackoff<IHalfOpenAfterBackoffContext> {
    const ours = Math.min(longestOpenMs, firstOpenMs * 2 ** Math.min(attempt - 1, 10));
    const asked = 'error' in result ? (causeOf(result.error)?.retryAfterSeconds ?? 0) * 1000 : 0;
    const duration = Math.max(ours * (0.75 + Math.random() / 2), Math.min(asked, longestObeyedMs));
    this.openUntil = Date.now() + duration;
    return { duration, next: (context) => this.openFor(context) };
  }
}

function view(state: CircuitState): CircuitView {
  if (state === CircuitState.Closed) return 'closed';
  return state === CircuitState.HalfOpen ? 'half-open' : 'open';
}
