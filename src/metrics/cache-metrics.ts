import { Injectable } from '@nestjs/common';
import { ReadThrough } from '../cache/read-through.js';
import { RedisStore } from '../cache/redis-store.js';
import { MetricsRegistry } from './metrics-registry.js';

/** How cache lookups end, and whether Redis is available. */
@Injectable()
export class CacheMetrics {
  constructor(registry: MetricsRegistry, cache: ReadThrough, redis: RedisStore) {
    registry.counter({
      name: 'cache_lookups_total',
      help: 'Cache lookups by outcome: hit, miss, expired, bypass (no-cache), stale (served while the upstream fails), failed',
      labels: ['cache', 'outcome'],
      collect: () =>
        [...cache.lookupCounts].flatMap(([name, { outcomes }]) =>
          Object.entries(outcomes).map(([outcome, count]) => [{ cache: name, outcome }, count] as const),
        ),
    });
    registry.counter({
      name: 'cache_coalesced_requests_total',
      help: 'Cache lookups that waited for a request of another lookup instead of sending their own',
      labels: ['cache'],
      collect: () =>
        [...cache.lookupCounts].map(([name, { coalesced }]) => [{ cache: name }, coalesced] as const),
    });
    registry.gauge({
      name: 'redis_up',
      help: '1 while Redis is available, 0 while it is not; absent without REDIS_URL',
      collect: () => (redis.status === 'not-configured' ? [] : [[{}, redis.status === 'up' ? 1 : 0]]),
    });
  }
}
