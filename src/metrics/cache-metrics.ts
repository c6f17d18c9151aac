import { Injectable } from '@nestjs/common';
import { ReadThrough } from '../cache/read-through.js';
import type { LookupCounts } from '../cache/lookup-counts.js';
import { RedisStore } from '../cache/redis-store.js';
import { MetricsRegistry } from './metrics-registry.js';

/** How cache lookups end, and whether Redis is available. */
@Injectable()
export class CacheMetrics {
  constructor(registry: MetricsRegistry, cache: ReadThrough, redis: RedisStore) {
    const byOutcome = (pick: (counts: LookupCounts) => Readonly<Record<string, number>>) => () =>
      [...cache.lookupCounts].flatMap(([name, counts]) =>
        Object.entries(pick(counts)).map(([outcome, count]) => [{ cache: name, outcome }, count] as const),
      );
    registry.counter({
      name: 'cache_lookups_total',
      help: 'Cache lookups by outcome: hit, miss, expired, bypass (no-cache), stale (served while the upstream fails), failed',
      labels: ['cache', 'outcome'],
      collect: byOutcome(({ outcomes }) => outcomes),
    });
    registry.counter({
      name: 'cache_coalesced_requests_total',
      help: 'Cache lookups that waited for a request of another lookup instead of sending their own',
      labels: ['cache'],
      collect: () =>
        [...cache.lookupCounts].map(([name, { coalesced }]) => [{ cache: name }, coalesced] as const),
    });
    registry.counter({
      name: 'cache_fetches_total',
      help: 'Requests to the source by reason: miss, expired, refresh (before it expires), bypass (no-cache); and by lease: held: the only one for its key; lost: another replica has asked, too; unknown: without Redis',
      labels: ['cache', 'reason', 'lease'],
      collect: () =>
        [...cache.lookupCounts].flatMap(([name, { fetches }]) =>
          Object.entries(fetches).flatMap(([reason, states]) =>
            Object.entries(states).map(([lease, count]) => [{ cache: name, reason, lease }, count] as const),
          ),
        ),
    });
    registry.counter({
      name: 'cache_lease_waits_total',
      help: 'Waits for a request of another replica by outcome: entry, failed, acquired (the holder is gone), overdue, unavailable (Redis is)',
      labels: ['cache', 'outcome'],
      collect: byOutcome(({ waits }) => waits),
    });
    registry.gauge({
      name: 'redis_up',
      help: '1 while Redis is available, 0 while it is not; absent without REDIS_URL',
      collect: () => (redis.status === 'not-configured' ? [] : [[{}, redis.status === 'up' ? 1 : 0]]),
    });
  }
}
