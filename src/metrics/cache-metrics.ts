import { Injectable } from '@nestjs/common';
import { ReadThrough } from '../cache/read-through.js';
import { RedisState } from '../cache/redis-state.js';
import { Instruments } from './instruments.js';

/** Where cached answers come from. */
@Injectable()
export class CacheMetrics {
  constructor(instruments: Instruments, cache: ReadThrough, redis: RedisState) {
    instruments.counter({
      name: 'cache_lookups_total',
      help: 'Look-ups: hit, miss, expired, requested (no-cache), stale (too old, and the vendor fails), failed',
      labels: ['kind', 'outcome'],
      read: () =>
        [...cache.counts].flatMap(([kind, { outcomes }]) =>
          Object.entries(outcomes).map(([outcome, count]) => [{ kind, outcome }, count] as const),
        ),
    });
    instruments.counter({
      name: 'cache_waits_total',
      help: 'Look-ups that waited for a call that another one had begun, and made none',
      labels: ['kind'],
      read: () => [...cache.counts].map(([kind, { waits }]) => [{ kind }, waits] as const),
    });
    instruments.gauge({
      name: 'redis_up',
      help: 'Whether Redis is in use: 0 while it is put aside; nothing without REDIS_URL',
      read: () => (redis.current === 'not-configured' ? [] : [[{}, redis.current === 'up' ? 1 : 0]]),
    });
  }
}
