import { Module } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import type { ThrottlerOptions } from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';
import { RedisCounters } from '../cache/redis-counters.js';
import { Config } from '../config/config.js';
import { RateLimitStorage } from './rate-limit-storage.js';

type Route = FastifyRequest['routeOptions'];

/** @param perMinute 0 is off */
function createLimit(name: string, perMinute: number, counts: (route: Route) => boolean): ThrottlerOptions {
  return {
    name,
    limit: Math.ceil(perMinute),
    ttl: 60_000,
    skipIf: (context) => perMinute === 0 || !counts(getRoute(context)),
  };
}

function getRoute(context: ExecutionContext): Route {
  return context.switchToHttp().getRequest<FastifyRequest>().routeOptions;
}

/** How often callers may call, and Kiip may call back. */
@Module({
  imports: [
    ThrottlerModule.forRootAsync({
      inject: [Config, RedisCounters],
      useFactory: (config: Config, counters: RedisCounters) => ({
        throttlers: [
          createLimit('caller', config.rateLimitPerMinute, (route) => route.config.scope !== undefined),
          createLimit(
            'callback',
            config.callbackRateLimitPerMinute,
            ({ config }) => config.kind === 'callback',
          ),
        ],
        storage: new RateLimitStorage(counters),
        generateKey: (_context, tracker, name) => `${name}:${tracker}`,
      }),
    }),
  ],
})
export class RateLimitModule {}
