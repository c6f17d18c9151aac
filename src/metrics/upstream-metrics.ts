import { Injectable } from '@nestjs/common';
import { toEpochMs } from '../async/monotonic.js';
import { KigoTokenStatus } from '../kigo-auth/kigo-token-status.js';
import type { OperationBreaker } from '../upstream/operation-breaker.js';
import { BreakerRegistry } from '../upstream/breaker-registry.js';
import { UPSTREAM_FAILURES } from '../upstream/upstream-error.js';
import { BREAKER_LEVELS, MetricsRegistry } from './metrics-registry.js';
import type { Labels, Samples } from './metrics-registry.js';

const OUTCOMES = ['ok', 'short_circuited', ...UPSTREAM_FAILURES] as const;
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Calls to the upstreams by operation and outcome, and the Kigo token. */
@Injectable()
export class UpstreamMetrics {
  /** By upstream, operation and outcome. */
  private readonly attempts = new Map<string, number>();
  private readonly retries = new Map<OperationBreaker, number>();

  constructor(
    registry: MetricsRegistry,
    private readonly breakers: BreakerRegistry,
    private readonly tokens: KigoTokenStatus,
  ) {
    const operation = ['upstream', 'operation'];
    const durations = registry.histogram({
      name: 'upstream_attempt_duration_seconds',
      help: 'Attempts to call an upstream by outcome, short-circuited ones included; status_class is none without a response',
      labels: [...operation, 'outcome', 'status_class'],
      buckets: BUCKETS,
    });
    breakers.onAttempt(({ breaker, outcome, status, durationMs, isRetry }) => {
      durations
        .labels(breaker.upstream, breaker.operation, outcome, toStatusClass(status))
        .observe(durationMs / 1000);
      const key = toKey(breaker, outcome);
      this.attempts.set(key, (this.attempts.get(key) ?? 0) + 1);
      if (isRetry && outcome !== 'short_circuited')
        this.retries.set(breaker, (this.retries.get(breaker) ?? 0) + 1);
    });
    // `increase` misses the first event of a series that starts at 1. The histogram would be large with every outcome at 0.
    registry.counter({
      name: 'upstream_attempts_total',
      help: 'Attempts to call an upstream by outcome; every outcome exists from the start',
      labels: [...operation, 'outcome'],
      collect: () =>
        breakers
          .all()
          .flatMap((breaker) =>
            OUTCOMES.map(
              (outcome) =>
                [{ ...toLabels(breaker), outcome }, this.attempts.get(toKey(breaker, outcome)) ?? 0] as const,
            ),
          ),
    });
    registry.counter({
      name: 'upstream_retries_total',
      help: 'Attempts that repeat a failed one; those that were short-circuited are not included',
      labels: operation,
      collect: () => this.perOperation((breaker) => this.retries.get(breaker) ?? 0),
    });
    registry.counter({
      name: 'upstream_retries_refused_total',
      help: 'Retries that were not made because the retry budget of the upstream was used up',
      labels: operation,
      collect: () => this.perOperation(({ refusedRetries }) => refusedRetries),
    });
    registry.counter({
      name: 'upstream_failures_total',
      help: 'Calls that failed after all attempts, or whose response is invalid',
      labels: [...operation, 'failure'],
      collect: () => this.failures(),
    });
    registry.gauge({
      name: 'upstream_circuit_breaker_state',
      help: 'Circuit breaker of each operation: 0 closed, 1 half-open, 2 open',
      labels: operation,
      collect: () => this.perOperation(({ state }) => BREAKER_LEVELS[state]),
    });
    this.registerTokenMetrics(registry);
  }

  private registerTokenMetrics(registry: MetricsRegistry): void {
    const token = (read: (token: { issuedAt: number; expiresAt: number }) => number) => (): Samples => {
      const { current } = this.tokens;
      return current ? [[{}, toEpochMs(read(current)) / 1000]] : [];
    };
    registry.gauge({
      name: 'kigo_token_issued_timestamp_seconds',
      help: 'Unix time of the login that returned the Kigo token; absent without a token',
      collect: token(({ issuedAt }) => issuedAt),
    });
    registry.gauge({
      name: 'kigo_token_expiry_timestamp_seconds',
      help: 'Unix time at which the Kigo token expires; absent without a token',
      collect: token(({ expiresAt }) => expiresAt),
    });
    registry.counter({
      name: 'kigo_token_coalesced_requests_total',
      help: 'Calls that waited for a login of another call instead of sending their own',
      collect: () => [[{}, this.tokens.coalescedWaits]],
    });
  }

  private perOperation(read: (breaker: OperationBreaker) => number): Samples {
    return this.breakers.all().map((breaker) => [toLabels(breaker), read(breaker)] as const);
  }

  private failures(): Samples {
    return this.breakers
      .all()
      .flatMap((breaker) =>
        Object.entries(breaker.failures).map(
          ([failure, count]) => [{ ...toLabels(breaker), failure }, count] as const,
        ),
      );
  }
}

function toKey({ upstream, operation }: OperationBreaker, outcome: (typeof OUTCOMES)[number]): string {
  return `${upstream} ${operation} ${outcome}`;
}

function toLabels({ upstream, operation }: OperationBreaker): Labels {
  return { upstream, operation };
}

function toStatusClass(status: number | undefined): string {
  return status === undefined ? 'none' : `${Math.floor(status / 100)}xx`;
}
