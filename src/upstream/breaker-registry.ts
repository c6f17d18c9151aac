import { Injectable } from '@nestjs/common';
import { OperationBreaker } from './operation-breaker.js';
import type { UpstreamFailure, Upstream } from './upstream-error.js';

/** One attempt of a call, and what became of it. */
export interface UpstreamAttempt {
  readonly breaker: OperationBreaker;
  /** `short_circuited`: by ourselves, the breaker or a full lane. */
  readonly outcome: 'ok' | 'short_circuited' | UpstreamFailure;
  /** The vendor's, if it answered: a 404 may be as `ok` as a 200. */
  readonly status: number | undefined;
  /** With the time that it waited for a place in the lane. */
  readonly durationMs: number;
}

/** The breakers of all vendor operations that were ever called. */
@Injectable()
export class BreakerRegistry {
  private readonly breakers = new Map<string, OperationBreaker>();
  private readonly listeners: ((attempt: UpstreamAttempt) => void)[] = [];

  /** Calls back at the end of each attempt. */
  onAttempt(listener: (attempt: UpstreamAttempt) => void): void {
    this.listeners.push(listener);
  }

  recordAttempt(attempt: UpstreamAttempt): void {
    for (const listener of this.listeners) listener(attempt);
  }

  for(vendor: Upstream, operation: string): OperationBreaker {
    const name = `${vendor} ${operation}`;
    const circuit = this.breakers.get(name) ?? new OperationBreaker(vendor, operation);
    this.breakers.set(name, circuit);
    return circuit;
  }

  all(): OperationBreaker[] {
    return [...this.breakers.values()];
  }
}
