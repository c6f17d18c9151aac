import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { HealthIndicatorFunction } from '@nestjs/terminus';
import { RedisStore } from '../cache/redis-store.js';
import { Database } from '../database/database.js';
import { DeliveryWorker } from '../delivery/delivery-worker.js';
import { CallbackCounters } from '../kiip-callbacks/callback-counters.js';
import { BreakerRegistry } from '../upstream/breaker-registry.js';

/** What people and alerts are told of everything that we depend on. */
@Injectable()
export class DependencyReports {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly circuits: BreakerRegistry,
    private readonly redis: RedisStore,
    private readonly database: Database,
    private readonly callbacks: CallbackCounters,
    private readonly deliveries: DeliveryWorker,
  ) {}

  all(): HealthIndicatorFunction[] {
    return [
      ...this.vendors(),
      () => this.redisReport(),
      () => this.databaseReport(),
      () => this.consumers(),
      () => this.callbackCounts(),
    ];
  }

  private vendors(): HealthIndicatorFunction[] {
    const vendors = Map.groupBy(this.circuits.all(), ({ upstream: vendor }) => vendor);
    return [...vendors].map(([vendor, circuits]) => () => {
      const operations = circuits.map(({ operation, state, lastSuccessAt, lastFailure }) => [
        operation,
        {
          breaker: state,
          last_success_at: lastSuccessAt?.toISOString() ?? null,
          last_failure: lastFailure && {
            at: lastFailure.at.toISOString(),
            reason: lastFailure.error.message,
          },
        },
      ]);
      const report = this.indicators.check(vendor);
      const facts = { operations: Object.fromEntries(operations) as Record<string, unknown> };
      return circuits.some(({ unhealthy: failing }) => failing) ? report.down(facts) : report.up(facts);
    });
  }

  private redisReport() {
    const { status: state, lastSuccessAt } = this.redis;
    const report = this.indicators.check('redis');
    if (state === 'not-configured') return report.up({ state });
    const facts = { state, last_success_at: lastSuccessAt?.toISOString() ?? null };
    return state === 'down' ? report.down(facts) : report.up(facts);
  }

  private async databaseReport() {
    // Its state is that of the last statement, which may be long ago.
    await this.database.ping().catch(() => undefined);
    const { state, lastSuccessAt, lastFailure } = this.database.state();
    const facts = {
      state,
      last_success_at: lastSuccessAt?.toISOString() ?? null,
      last_failure: lastFailure && { at: lastFailure.at.toISOString(), reason: lastFailure.reason },
    };
    const report = this.indicators.check('database');
    return state === 'up' ? report.up(facts) : report.down(facts);
  }

  /** As this process sees them; none where it does not deliver. */
  private consumers() {
    const lanes = this.deliveries.consumers.map(({ consumer: { name }, throttle: lane }) => [
      name,
      { breaker: lane.state, last_success_at: lane.lastSuccessAt?.toISOString() ?? null },
    ]);
    const report = this.indicators.check('consumers');
    const facts = Object.fromEntries(lanes) as Record<string, unknown>;
    const failing = this.deliveries.consumers.some(({ throttle: lane }) => lane.state === 'open');
    return failing ? report.down(facts) : report.up(facts);
  }

  /** Which formulas and secrets Kiip uses shows when an old one may go. */
  private callbackCounts() {
    return this.indicators.check('kiip_callbacks').up({ since_start: this.callbacks.snapshot() });
  }
}
