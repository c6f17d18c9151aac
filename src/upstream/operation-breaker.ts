import { Logger } from '@nestjs/common';
import { BrokenCircuitError, CircuitState, CountBreaker, circuitBreaker, handleWhen } from 'cockatiel';
import type { CircuitBreakerPolicy, IBackoff, IHalfOpenAfterBackoffContext } from 'cockatiel';
import { findUpstreamCause, UpstreamError, UPSTREAM_FAILURES } from './upstream-error.js';
import type { UpstreamFailure, Upstream } from './upstream-error.js';

const INITIAL_OPEN_MS = 5_000;
const MAX_OPEN_MS = 30_000;
/** A vendor may ask for a longer break than ours; past this we look for ourselves again. */
const MAX_RETRY_AFTER_MS = 120_000;

/** So many failures in a row are not one odd account's. */
const UNHEALTHY_AFTER_FAILURES = 3;
const REPORT_INTERVAL_MS = 10_000;

export type BreakerState = 'closed' | 'open' | 'half-open';

/**
 * The breaker of one vendor operation. It counts single attempts, so retries stop as soon as it opens, and lets one attempt
 * through to see whether the vendor is back; while that one is out, others are refused, not kept waiting.
 */
export class OperationBreaker {
  lastSuccessAt: Date | undefined;
  lastFailure: { readonly at: Date; readonly error: UpstreamError } | undefined;
  /** Since the start. */
  retries = 0;
  readonly failures = Object.fromEntries(UPSTREAM_FAILURES.map((failure) => [failure, 0])) as Record<
    UpstreamFailure,
    number
  >;
  private consecutiveFailures = 0;
  private openUntil = 0;
  private readonly logger = new Logger('Upstream');
  private nextReportAt = 0;
  private readonly policy: CircuitBreakerPolicy;

  constructor(
    readonly upstream: Upstream,
    readonly operation: string,
  ) {
    this.policy = circuitBreaker(
      handleWhen((error) => findUpstreamCause(error)?.transient === true),
      {
        breaker: new CountBreaker({ threshold: 0.5, size: 20, minimumNumberOfCalls: 5 }),
        halfOpenAfter: { next: (context) => this.openFor(context) },
      },
    );
    this.policy.onStateChange((state) =>
      this.logger.warn({
        msg: 'circuit breaker state changed',
        upstream,
        operation,
        state: toState(state),
      }),
    );
  }

  get state(): BreakerState {
    // The breaker itself would say "open" until the next call, which may be long in coming.
    if (this.policy.state === CircuitState.Open && Date.now() >= this.openUntil) return 'half-open';
    return toState(this.policy.state);
  }

  /** Whether the vendor is of no use for this operation, as far as the last calls tell. */
  get unhealthy(): boolean {
    const refused =
      this.lastFailure?.error.failure === 'credentials_rejected' && this.consecutiveFailures > 0;
    return this.state === 'open' || refused || this.consecutiveFailures >= UNHEALTHY_AFTER_FAILURES;
  }

  recordSuccess(): void {
    this.lastSuccessAt = new Date();
    this.consecutiveFailures = 0;
  }

  /** Takes note of a call that failed for good, or whose answer cannot be used, and reports it now and then. */
  recordFailure(error: UpstreamError): void {
    // A call that was replayed or tried again comes here more than once.
    if (error.rejectedLocally || error === this.lastFailure?.error) return;
    this.lastFailure = { at: new Date(), error };
    this.consecutiveFailures += 1;
    this.failures[error.failure] += 1;
    if (performance.now() < this.nextReportAt) return;
    this.nextReportAt = performance.now() + REPORT_INTERVAL_MS;
    const { upstream, operation, consecutiveFailures } = this;
    this.logger.warn({
      msg: 'upstream call failed',
      upstream,
      operation,
      reason: error.message,
      consecutiveFailures,
    });
  }

  /** @throws UpstreamError `busy` while open; else whatever the attempt throws */
  async execute<T>(attempt: () => Promise<T>): Promise<T> {
    if (this.policy.state === CircuitState.HalfOpen) throw this.openError();
    try {
      return await this.policy.execute(attempt);
    } catch (error) {
      throw error instanceof BrokenCircuitError ? this.openError() : error;
    }
  }

  private openError(): UpstreamError {
    const retryAfterSeconds = Math.max(1, Math.ceil((this.openUntil - Date.now()) / 1000));
    return new UpstreamError(this.upstream, this.operation, 'busy', 'calls are held back after failures', {
      retryAfterSeconds,
    });
  }

  /** Twice as long at each opening in a row, with jitter, never shorter than the vendor asked for. */
  private openFor({ attempt, result }: IHalfOpenAfterBackoffContext): IBackoff<IHalfOpenAfterBackoffContext> {
    const ownMs = Math.min(MAX_OPEN_MS, INITIAL_OPEN_MS * 2 ** Math.min(attempt - 1, 10));
    const requestedMs =
      'error' in result ? (findUpstreamCause(result.error)?.retryAfterSeconds ?? 0) * 1000 : 0;
    const duration = Math.max(ownMs * (0.75 + Math.random() / 2), Math.min(requestedMs, MAX_RETRY_AFTER_MS));
    this.openUntil = Date.now() + duration;
    return { duration, next: (context) => this.openFor(context) };
  }
}

function toState(state: CircuitState): BreakerState {
  if (state === CircuitState.Closed) return 'closed';
  return state === CircuitState.HalfOpen ? 'half-open' : 'open';
}
