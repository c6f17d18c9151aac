import { CacheModule as NestCacheModule } from '@nestjs/cache-manager';
import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { Config } from '../config/config.js';
import { TieredCache } from './cache-layers.js';
import { ReadThrough } from './read-through.js';
import { RedisCounters } from './redis-counters.js';
import { RedisLeases } from './redis-leases.js';
import { RedisState } from './redis-state.js';
import { createMemoryStore, connectRedis } from './redis-store.js';

/** Memory alone, or memory over Redis when `REDIS_URL` is set. */
@Global()
@Module({})
export class CacheModule {
  static async forRoot(config: Config): Promise<DynamicModule> {
    const shared = config.redisUrl ? await connectRedis(config.redisUrl) : undefined;
    const stores = [createMemoryStore(), ...(shared ? [shared.store] : [])];
    return {
      module: CacheModule,
      imports: [NestCacheModule.register({ stores })],
      providers: [
        TieredCache,
        ReadThrough,
        { provide: RedisState, useValue: new RedisState(shared?.redis) },
        { provide: RedisCounters, useValue: new RedisCounters(shared) },
        { provide: RedisLeases, useValue: new RedisLeases(shared) },
      ],
      exports: [TieredCache, ReadThrough, RedisState, RedisCounters, RedisLeases],
    };
  }
}
