import { Logger } from '@nestjs/common';
import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  CountBreaker,
  circuitBreaker,
  handleWhen,
} from 'cockatiel';
import type { CircuitBreakerPolicy, IBackoff, IBreaker, IHalfOpenAfterBackoffContext } from 'cockatiel';
import { backoffMs } from '../async/backoff.js';
import { findUpstreamCause, UPSTREAM_FAILURES, UpstreamError } from './upstream-error.js';
import type { Upstream, UpstreamFailure } from './upstream-error.js';

/** Two users in a row may be unlucky. While the upstream is down, each of these calls costs three attempts. */
const CONSECUTIVE_FAILURES = 3;
/** When some calls still succeed, more than half of the last 6 to 20 must have failed. */
const FAILURE_RATE = { threshold: 0.5, size: 20, minimumNumberOfCalls: 6 };
const OPEN_BACKOFF = { initialMs: 5_000, maxMs: 30_000 };

/** Consecutive failures that mark the operation unhealthy. Fewer may be caused by a single account. */
const UNHEALTHY_AFTER_FAILURES = 3;
const REPORT_INTERVAL_MS = 10_000;

export type BreakerState = 'closed' | 'open' | 'half-open';

interface LastFailure {
  readonly at: Date;
  readonly error: UpstreamError;
}

/**
 * The circuit breaker of one upstream operation. It counts calls by how they end: what a retry mends is no failure. Half-open, it lets one
 * attempt through as a probe; other calls are rejected meanwhile and do not wait.
 */
export class OperationBreaker {
  private readonly logger = new Logger('Upstream');
  private readonly breaker = new CallBreaker();
  private readonly policy: CircuitBreakerPolicy;
  private readonly failureCounts = Object.fromEntries(
    UPSTREAM_FAILURES.map((failure) => [failure, 0]),
  ) as Record<UpstreamFailure, number>;
  private readonly recorded = new WeakSet<UpstreamError>();
  private refusedRetryCount = 0;
  private latestSuccessAt: Date | undefined;
  private latestFailure: LastFailure | undefined;
  private consecutiveFailures = 0;
  /** By `performance.now()`. */
  private openUntil = 0;
  private blockedUntil = 0;
  private nextReportAt = 0;

  constructor(
    readonly upstream: Upstream,
    readonly operation: string,
  ) {
    this.policy = circuitBreaker(
      handleWhen((error) => toUpstreamError(error)?.transient === true),
      {
        breaker: this.breaker,
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
    if (this.blockedMs > 0) return 'open';
    // Cockatiel reports "open" until the next call, which may be long in coming.
    if (this.policy.state === CircuitState.Open && performance.now() >= this.openUntil) return 'half-open';
    return toState(this.policy.state);
  }

  /** How long calls are rejected, whatever the breaker says; 0 or less if they are not. */
  get blockedMs(): number {
    return this.blockedUntil - performance.now();
  }

  /** Whether the operation cannot be used, judging by the last calls. */
  get unhealthy(): boolean {
    const rejected =
      this.latestFailure?.error.failure === 'credentials_rejected' && this.consecutiveFailures > 0;
    return this.state === 'open' || rejected || this.consecutiveFailures >= UNHEALTHY_AFTER_FAILURES;
  }

  get lastSuccessAt(): Date | undefined {
    return this.latestSuccessAt;
  }

  get lastFailure(): LastFailure | undefined {
    return this.latestFailure;
  }

  /** Counted since the start. */
  get refusedRetries(): number {
    return this.refusedRetryCount;
  }

  /** Counted since the start. */
  get failures(): Readonly<Record<UpstreamFailure, number>> {
    return this.failureCounts;
  }

  /** Records a call that succeeded. */
  recordSuccess(): void {
    // As Cockatiel does for a call that succeeds; to run one through it costs a handful of promises.
    if (this.policy.state === CircuitState.Closed) this.breaker.success(CircuitState.Closed);
    this.latestSuccessAt = new Date();
    this.consecutiveFailures = 0;
  }

  recordRefusedRetry(): void {
    this.refusedRetryCount += 1;
  }

  /** Rejects calls for a time. It never ends a longer one. */
  block(ms: number): void {
    const { upstream, operation } = this;
    if (this.blockedMs <= 0)
      this.logger.warn({ msg: 'calls wait for a Retry-After', upstream, operation, waitMs: Math.ceil(ms) });
    this.blockedUntil = Math.max(this.blockedUntil, performance.now() + ms);
  }

  /** Records a call that failed after its last attempt, or whose response is invalid. Logs at most one failure in 10 s. */
  recordFailure(error: UpstreamError): void {
    // A call that was sent again fails here once for each time, with the same error.
    if (error.rejectedLocally || this.recorded.has(error)) return;
    this.recorded.add(error);
    this.latestFailure = { at: new Date(), error };
    this.consecutiveFailures += 1;
    this.failureCounts[error.failure] += 1;
    void this.judge(error);
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

  /** @throws UpstreamError `busy` while the breaker is open or blocked, else what the attempt throws */
  async execute<T>(attempt: () => Promise<T>): Promise<T> {
    if (this.blockedMs > 0)
      throw this.rejection('the time of its Retry-After is not over', this.blockedUntil);
    // Closed, it learns the outcome from recordSuccess and recordFailure, after the last attempt.
    if (this.policy.state === CircuitState.Closed) return attempt();
    if (this.state === 'open' || this.policy.state === CircuitState.HalfOpen) throw this.openError();
    try {
      return await this.policy.execute(attempt);
    } catch (error) {
      throw error instanceof BrokenCircuitError ? this.openError() : error;
    }
  }

  /** Tells the closed breaker that a call failed. */
  private async judge(error: UpstreamError): Promise<void> {
    if (this.policy.state !== CircuitState.Closed) return;
    try {
      await this.policy.execute(() => {
        throw error;
      });
    } catch {
      // The error is the caller's.
    }
  }

  private openError(): UpstreamError {
    return this.rejection('the circuit breaker is open', this.openUntil);
  }

  private rejection(detail: string, until: number): UpstreamError {
    const retryAfterSeconds = Math.max(1, Math.ceil((until - performance.now()) / 1000));
    return new UpstreamError(this.upstream, this.operation, 'busy', detail, { retryAfterSeconds });
  }

  /** Backs off after each opening in a row. Calls are blocked for as long as the upstream asks for, whether the breaker opens or not. */
  private openFor({ attempt }: IHalfOpenAfterBackoffContext): IBackoff<IHalfOpenAfterBackoffContext> {
    const duration = backoffMs(attempt, OPEN_BACKOFF);
    this.openUntil = performance.now() + duration;
    // Cockatiel would measure by the clock of the machine, which may be put back. `execute` waits in its place.
    return { duration: -Infinity, next: (context) => this.openFor(context) };
  }
}

/** Opens after a number of failures in a row, or at a failure rate. */
class CallBreaker implements IBreaker {
  private readonly breakers: readonly IBreaker[] = [
    new ConsecutiveBreaker(CONSECUTIVE_FAILURES),
    new CountBreaker(FAILURE_RATE),
  ];

  get state(): unknown[] {
    return this.breakers.map(({ state }) => state);
  }

  success(state: CircuitState): void {
    for (const breaker of this.breakers) breaker.success(state);
  }

  failure(state: CircuitState): boolean {
    // Each has to see it.
    return this.breakers.map((breaker) => breaker.failure(state)).includes(true);
  }
}

/** A call fails with the error itself; an attempt with an error that carries it. */
function toUpstreamError(error: unknown): UpstreamError | undefined {
  return error instanceof UpstreamError ? error : findUpstreamCause(error);
}

function toState(state: CircuitState): BreakerState {
  if (state === CircuitState.Closed) return 'closed';
  return state === CircuitState.HalfOpen ? 'half-open' : 'open';
}
