import { Injectable } from '@nestjs/common';
import type { HealthIndicatorResult } from '@nestjs/terminus';
import { RedisHealthIndicator } from '../cache/redis.health-indicator.js';
import { DatabaseHealthIndicator } from '../database/database.health-indicator.js';
import { ConsumersHealthIndicator } from '../delivery/consumers.health-indicator.js';
import { CallbacksHealthIndicator } from '../kiip-callbacks/callbacks.health-indicator.js';
import { UpstreamHealthIndicator } from '../upstream/upstream.health-indicator.js';

/** The health of every dependency, each reported by the feature that uses it. */
@Injectable()
export class DependencyHealthIndicators {
  constructor(
    private readonly upstreams: UpstreamHealthIndicator,
    private readonly redis: RedisHealthIndicator,
    private readonly database: DatabaseHealthIndicator,
    private readonly consumers: ConsumersHealthIndicator,
    private readonly callbacks: CallbacksHealthIndicator,
  ) {}

  async check(): Promise<HealthIndicatorResult> {
    // Together: while the database does not respond, both wait for it.
    const [database, consumers] = await Promise.all([this.database.check(), this.consumers.check()]);
    const results: HealthIndicatorResult[] = [
      ...this.upstreams.check(),
      this.redis.check(),
      database,
      consumers,
      this.callbacks.check(),
    ];
    return Object.assign({}, ...results) as HealthIndicatorResult;
  }
}
