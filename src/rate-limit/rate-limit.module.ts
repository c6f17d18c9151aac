import { Module } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import type { ThrottlerOptions } from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';
import { redisScope } from '../cache/redis-scope.js';
import { RedisStore } from '../cache/redis-store.js';
import { Config } from '../config/config.js';
import { RateLimitStorage } from './rate-limit-storage.js';

type Route = FastifyRequest['routeOptions'];

/** @param perMinute 0 turns the limit off */
function createLimit(
  name: string,
  perMinute: number,
  appliesTo: (route: Route) => boolean,
): ThrottlerOptions {
  return {
    name,
    limit: Math.ceil(perMinute),
    ttl: 60_000,
    skipIf: (context) => perMinute === 0 || !appliesTo(getRoute(context)),
  };
}

function getRoute(context: ExecutionContext): Route {
  return context.switchToHttp().getRequest<FastifyRequest>().routeOptions;
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
        storage: new RateLimitStorage(redis, redisScope(config)),
        generateKey: (_context, tracker, name) => `${name}:${tracker}`,
      }),
    }),
  ],
})
export class RateLimitModule {}
