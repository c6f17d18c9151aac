import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { RedisStore } from './redis-store.js';

@Injectable()
export class RedisHealthIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly redis: RedisStore,
  ) {}

  /** Down while the configured Redis is unavailable. */
  check() {
    const { status: state, lastSuccessAt } = this.redis;
    const indicator = this.indicators.check('redis');
    if (state === 'not-configured') return indicator.up({ state });
    const details = { state, last_success_at: lastSuccessAt?.toISOString() ?? null };
    return state === 'down' ? indicator.down(details) : indicator.up(details);
  }

  /** Always up, with the state of Redis: a replica without Redis still serves. */
  report() {
    return this.indicators.check('redis').up({ state: this.redis.status });
  }
}
