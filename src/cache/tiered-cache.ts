import { Injectable } from '@nestjs/common';
import { Cache } from '@nestjs/cache-manager';
import { KeyvAdapter } from 'cache-manager';
import { Keyv } from 'keyv';
import type { KeyvStoreAdapter } from 'keyv';
import { LRUCache } from 'lru-cache';
import { EntrySealService } from './entry-seal.service.js';
import type { OpenedEntry } from './entry-seal.service.js';
import type { RedisConnection } from './redis-connection.js';
import type { RedisCommands } from './redis-store.js';

/** The memory store keeps no more bytes than this: 40,000 entries of usual size, and half as many with the longest ids that Kigo may send. */
const MAX_BYTES = 28 * 1024 * 1024;
const MIN_ENTRY_BYTES = Math.floor(MAX_BYTES / 40_000);

/** About 30 years. Redis rejects a lifetime that overflows when it is added to the current time. */
const MAX_TTL_MS = 1e12;

const RAW_VALUES = { serialize: undefined, deserialize: undefined, useKeyPrefix: false };

type CommandStore = ConstructorParameters<typeof KeyvAdapter>[0];

/** Values as Keyv wraps them. */
interface Wrapped {
  readonly value: unknown;
}

class MemoryStore extends LRUCache<string, Wrapped> {
  /** Keyv also passes the lifetime, in place of options that the cache writes to. */
  override set(key: string, wrapped: Wrapped): this {
    return super.set(key, wrapped);
  }
}

export function createMemoryStore(): Keyv {
  const store = new MemoryStore({ maxSize: MAX_BYTES, sizeCalculation: bytesOf });
  return new Keyv({ ...RAW_VALUES, store });
}

/** At least what it takes: V8 needs two bytes for a character at most, and for objects and numbers less than twice their JSON. */
function bytesOf(entry: Wrapped): number {
  return Math.max(MIN_ENTRY_BYTES, 2 * JSON.stringify(entry).length);
}

export function createSharedStore(redis: RedisConnection<RedisCommands>): Keyv {
  const commands: Pick<CommandStore, 'name' | 'get' | 'set' | 'del' | 'disconnect'> = {
    name: 'redis',
    // Both commands are sent at once. Without an expiry of its own, the entry is not judged by Keyv, which uses this machine's clock.
    get: (key) =>
      redis.run(async (store) => {
        const [stored, leftMs] = await Promise.all([
          store.get<{ value?: unknown } | null>(key),
          store.client.pTTL(key),
        ]);
        return { value: { entry: stored?.value, leftMs } };
      }),
    set: (key, value, ttl) => redis.run((store) => store.set(key, value, ttl)),
    del: () => Promise.resolve(),
    disconnect: async () => redis.close(),
  };
  const adapter = new KeyvAdapter(commands as CommandStore);
  return new Keyv({ ...RAW_VALUES, store: adapter as KeyvStoreAdapter });
}

/**
 * Two tiers: memory, and Redis behind it when configured. Neither throws: an unavailable Redis is a cache miss.
 * `@nestjs/cache-manager` holds the two stores and disconnects them at shutdown. Its own `Cache` methods are never called:
 * they always go through all stores, while the read-through cache must know which tier an entry came from.
 */
@Injectable()
export class TieredCache {
  private readonly memory: Keyv;
  private readonly shared: Keyv | undefined;

  constructor(
    cache: Cache,
    private readonly seal: EntrySealService,
  ) {
    const [memory, shared] = (cache as unknown as { stores: Keyv[] }).stores;
    this.memory = memory!;
    this.shared = shared;
  }

  /** Whether Redis is configured. */
  get isShared(): boolean {
    return this.shared !== undefined;
  }

  /** What lies in memory is read at once: Keyv would take a turn of promises for it. The reader knows how long it is valid. */
  readMemory(key: string): unknown {
    return (this.memory.store as MemoryStore).get(key)?.value;
  }

  /** @returns undefined also when the entry was changed by anybody but this gateway */
  async readShared(key: string): Promise<OpenedEntry | undefined> {
    const found = await this.shared?.get<{ entry: unknown; leftMs: number }>(key);
    return found && this.seal.open(key, found.entry, found.leftMs);
  }

  /** Skips entries without remaining lifetime: Keyv would keep them for ever. */
  async writeMemory(key: string, value: unknown, ttlMs: number): Promise<void> {
    if (ttlMs > 0) await this.memory.set(key, value, ttlMs);
  }

  /**
   * Callers need not await the write.
   * @param ageMs since the value was true
   */
  async writeShared(key: string, value: unknown, ttlMs: number, ageMs = 0): Promise<void> {
    if (ttlMs <= 0 || !this.shared) return;
    const leftMs = toRedisTtl(ttlMs);
    await this.shared.set(key, this.seal.seal(key, { value, ageMs }, leftMs), leftMs);
  }
}

/** Redis takes whole milliseconds, at least one. */
export function toRedisTtl(ttlMs: number): number {
  return Math.min(Math.ceil(ttlMs), MAX_TTL_MS);
}
