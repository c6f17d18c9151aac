import { CacheModule as NestCacheModule } from '@nestjs/cache-manager';
import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import type { Config } from '../config/config.js';
import { EntryLeaseService } from './entry-lease.service.js';
import { EntrySealService } from './entry-seal.service.js';
import { ReadThrough } from './read-through.js';
import { RedisStore, connectRedis } from './redis-store.js';
import { redisScope } from './redis-scope.js';
import { RedisHealthIndicator } from './redis.health-indicator.js';
import { TieredCache, createMemoryStore, createSharedStore } from './tiered-cache.js';

/** Caches in memory, and in Redis behind it when `REDIS_URL` is set. */
@Global()
@Module({})
export class CacheModule {
  static async forRoot(config: Config): Promise<DynamicModule> {
    const { redisUrl, redisSentinels = [], redisKeyPrefix } = config;
    const probeKey = `${redisKeyPrefix}probe:${redisScope(config)}`;
    const redis = redisUrl ? await connectRedis(redisUrl, redisSentinels, probeKey) : undefined;
    const stores = [createMemoryStore(), ...(redis ? [createSharedStore(redis)] : [])];
    return {
      module: CacheModule,
      imports: [NestCacheModule.register({ stores }), TerminusModule],
      providers: [
        EntryLeaseService,
        EntrySealService,
        TieredCache,
        ReadThrough,
        RedisHealthIndicator,
        { provide: RedisStore, useValue: new RedisStore(redis) },
      ],
      exports: [TieredCache, ReadThrough, RedisStore, RedisHealthIndicator],
    };
  }
}
