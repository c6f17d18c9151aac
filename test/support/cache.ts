import { EntrySealService } from '../../src/cache/entry-seal.service.js';
import type { CachePolicy } from '../../src/cache/read-through.js';
import { SecretFileWatcher } from '../../src/config/secret-file-watcher.js';
import { read } from './config.js';

export const seal = new EntrySealService(read(), new SecretFileWatcher(read()));

/** For texts from a source that is always available. */
export const TEXT_POLICY: CachePolicy<string> = {
  name: 'text',
  ttlMs: 100_000,
  staleMs: 1_000_000,
  notFoundTtlMs: 10_000,
  recheckMs: Infinity,
  isValue: (value) => typeof value === 'string',
  isUnavailable: () => false,
};
