import { createCache } from 'cache-manager';
import type { Keyv } from 'keyv';
import { EntryLeaseService } from '../../src/cache/entry-lease.service.js';
import { EntrySealService } from '../../src/cache/entry-seal.service.js';
import { ReadThrough } from '../../src/cache/read-through.js';
import type { CachePolicy } from '../../src/cache/cache-entry.js';
import { RedisStore } from '../../src/cache/redis-store.js';
import { TieredCache } from '../../src/cache/tiered-cache.js';
import { SecretFileWatcher } from '../../src/config/secret-file-watcher.js';
import { read } from './config.js';

const seal = new EntrySealService(read(), new SecretFileWatcher(read()));

/** Without Redis. */
export function readThroughOn(memory: Keyv): ReadThrough {
  const leases = new EntryLeaseService(new RedisStore(), seal, read());
  return new ReadThrough(new TieredCache(createCache({ stores: [memory] }), seal), leases);
}

/** For texts from a source that is always available. */
export const TEXT_POLICY: CachePolicy<string> = {
  name: 'text',
  ttlMs: 100_000,
  staleMs: 1_000_000,
  notFoundTtlMs: 10_000,
  recheckMs: Infinity,
  isValue: (value) => typeof value === 'string',
  isUnavailable: () => false,
  packError: () => undefined,
  unpackError: () => new Error(),
};
