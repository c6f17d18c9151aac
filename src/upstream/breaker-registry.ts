import { Injectable } from '@nestjs/common';
import { OperationBreaker } from './operation-breaker.js';
import type { Upstream, UpstreamFailure } from './upstream-error.js';

export interface UpstreamAttempt {
  readonly breaker: OperationBreaker;
  /** `short_circuited`: rejected here, because the breaker is open or too many calls are in flight. */
  readonly outcome: 'ok' | 'short_circuited' | UpstreamFailure;
  /** Undefined without a response. A 404 may be as `ok` as a 200. */
  readonly status: number | undefined;
  /** Includes the time in the queue of the bulkhead. */
  readonly durationMs: number;
  /** A first attempt, or one with another token, is no retry. */
  readonly isRetry: boolean;
  /** What the upstream asked for with status 429 or 503. */
  readonly retryAfterSeconds: number | undefined;
}

/** The circuit breakers of all upstream operations. */
@Injectable()
export class BreakerRegistry {
  private readonly breakers = new Map<string, OperationBreaker>();
  private readonly listeners: ((attempt: UpstreamAttempt) => void)[] = [];

  /** Registers a listener for the end of each attempt. */
  onAttempt(listener: (attempt: UpstreamAttempt) => void): void {
    this.listeners.push(listener);
  }

  recordAttempt(attempt: UpstreamAttempt): void {
    for (const listener of this.listeners) listener(attempt);
  }

  for(upstream: Upstream, operation: string): OperationBreaker {
    const name = `${upstream} ${operation}`;
    let breaker = this.breakers.get(name);
    if (!breaker) this.breakers.set(name, (breaker = new OperationBreaker(upstream, operation)));
    return breaker;
  }

  all(): OperationBreaker[] {
    return [...this.breakers.values()];
  }
}
