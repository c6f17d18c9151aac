import { Injectable } from '@nestjs/common';
import { ReadThrough } from '../cache/read-through.js';
import { RedisStore } from '../cache/redis-store.js';
import { MetricsRegistry } from './instruments.js';

/** Where cached answers come from. */
@Injectable()
export class CacheMetrics {
  constructor(instruments: MetricsRegistry, cache: ReadThrough, redis: RedisStore) {
    instruments.counter({
      name: 'cache_lookups_total',
      help: 'Look-ups: hit, miss, expired, requested (no-cache), stale (too old, and the vendor fails), failed',
      labels: ['kind', 'outcome'],
      collect: () =>
        [...cache.lookupCounts].flatMap(([kind, { outcomes }]) =>
          Object.entries(outcomes).map(([outcome, count]) => [{ kind, outcome }, count] as const),
        ),
    });
    instruments.counter({
      name: 'cache_coalesced_requests_total',
      help: 'Look-ups that waited for a call that another one had begun, and made none',
      labels: ['kind'],
      collect: () =>
        [...cache.lookupCounts].map(([kind, { coalesced: waits }]) => [{ kind }, waits] as const),
    });
    instruments.gauge({
      name: 'redis_up',
      help: 'Whether Redis is in use: 0 while it is put aside; nothing without REDIS_URL',
      collect: () => (redis.status === 'not-configured' ? [] : [[{}, redis.status === 'up' ? 1 : 0]]),
    });
  }
}
