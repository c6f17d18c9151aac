import { Module } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import { redisScope } from '../cache/redis-scope.js';
import { RedisStore } from '../cache/redis-store.js';
import { Config } from '../config/config.js';
import { RateLimitGuard } from './rate-limit.guard.js';
import type { CallLimit } from './rate-limit.guard.js';
import { RateLimitStorage } from './rate-limit-storage.js';

/** @param perMinute 0 turns the limit off */
function createLimit(name: string, perMinute: number, appliesTo: CallLimit['appliesTo']): CallLimit {
  return {
    name,
    limit: Math.ceil(perMinute),
    ttl: 60_000,
    appliesTo: (route) => perMinute !== 0 && appliesTo(route),
  };
}

/** Limits the calls of each caller, and the unverified callbacks of each address, per minute. */
@Module({
  imports: [
    ThrottlerModule.forRootAsync({
      inject: [Config, RedisStore],
      useFactory: (config: Config, redis: RedisStore) => ({
        throttlers: [
          createLimit('caller', config.rateLimitPerMinute, (route) => route.config.scope !== undefined),
          createLimit(
            'callback',
            config.callbackRateLimitPerMinute,
            ({ config }) => config.kind === 'callback',
          ),
        ],
        storage: new RateLimitStorage(redis, `${config.redisKeyPrefix}rate:${redisScope(config)}`),
      }),
    }),
  ],
  providers: [RateLimitGuard],
  exports: [RateLimitGuard],
})
export class RateLimitModule {}
