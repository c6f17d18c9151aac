import { CacheModule as NestCacheModule } from '@nestjs/cache-manager';
import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { Config } from '../config/config.js';
import { CacheLayers } from './cache-layers.js';
import { ReadThrough } from './read-through.js';
import { RedisCounters } from './redis-counters.js';
import { RedisLeases } from './redis-leases.js';
import { RedisState } from './redis-state.js';
import { memoryStore, redisStore } from './redis-store.js';

/** Memory alone, or memory over Redis when `REDIS_URL` is set. */
@Global()
@Module({})
export class CacheModule {
  static async forRoot(config: Config): Promise<DynamicModule> {
    const shared = config.redisUrl ? await redisStore(config.redisUrl) : undefined;
    const stores = [memoryStore(), ...(shared ? [shared.store] : [])];
    return {
      module: CacheModule,
      imports: [NestCacheModule.register({ stores })],
      providers: [
        CacheLayers,
        ReadThrough,
        { provide: RedisState, useValue: new RedisState(shared?.redis) },
        { provide: RedisCounters, useValue: new RedisCounters(shared) },
        { provide: RedisLeases, useValue: new RedisLeases(shared) },
      ],
      exports: [CacheLayers, ReadThrough, RedisState, RedisCounters, RedisLeases],
    };
  }
}
