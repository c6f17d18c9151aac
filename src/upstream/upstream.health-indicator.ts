import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { HealthIndicatorResult } from '@nestjs/terminus';
import { BreakerRegistry } from './breaker-registry.js';
import type { OperationBreaker } from './operation-breaker.js';

@Injectable()
export class UpstreamHealthIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly breakers: BreakerRegistry,
  ) {}

  /** One result for each upstream, with the circuit breakers of its operations. Down while calls to an operation keep failing. */
  check(): HealthIndicatorResult[] {
    const upstreams = Map.groupBy(this.breakers.all(), ({ upstream }) => upstream);
    return [...upstreams].map(([upstream, breakers]) => {
      const operations = Object.fromEntries(
        breakers.map((breaker) => [breaker.operation, describe(breaker)]),
      );
      const indicator = this.indicators.check(upstream);
      const unhealthy = breakers.some((breaker) => breaker.unhealthy);
      return unhealthy ? indicator.down({ operations }) : indicator.up({ operations });
    });
  }
}

function describe({ state, lastSuccessAt, lastFailure }: OperationBreaker) {
  return {
    breaker: state,
    last_success_at: lastSuccessAt?.toISOString() ?? null,
    last_failure: lastFailure && {
      at: lastFailure.at.toISOString(),
      reason: lastFailure.error.message,
    },
  };
}
