import { Injectable } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { ThrottlerGuard } from '@nestjs/throttler';
import type { ThrottlerOptions } from '@nestjs/throttler';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { networkOf } from '../connections/client-network.js';
import { rateLimited } from '../problem/problem-catalogue.js';
import type { RateLimitStorage, ThrottlerRecord } from './rate-limit-storage.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How many units of the rate limit a call costs, by its body, which is not validated yet. One, without it. */
    countUnits?: (body: unknown) => number;
  }
  interface FastifyRequest {
    /** Counts a callback that did not verify. Throws Problem `rate-limited` when its source has sent too many. */
    countUnverified?: () => Promise<void>;
  }
}

/**
 * Rejects calls beyond the rate limit. Callers are counted by name, whichever key they use; unauthenticated calls by client address
 * (an IPv6 address by its /64 network). Callbacks are counted only once their signature turns out to be wrong: behind a balancer,
 * Kiip and a stranger may have one address. Sends the `RateLimit` headers of draft-ietf-httpapi-ratelimit-headers.
 */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  /** Limits are set for kinds of routes, and by no decorator. The guard that this replaces looks for eleven of them at each call. */
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    for (const throttler of this.throttlers)
      if (throttler.skipIf?.(context) !== true) await this.limitCall(context, throttler);
    return true;
  }

  private limitCall(context: ExecutionContext, throttler: ThrottlerOptions): void | Promise<void> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { kind, countUnits } = request.routeOptions.config;
    if (kind !== 'callback') return this.count(context, throttler, request, countUnits?.(request.body) ?? 1);
    request.countUnverified = async () => this.count(context, throttler, request, 1);
  }

  private count(
    context: ExecutionContext,
    throttler: ThrottlerOptions,
    request: FastifyRequest,
    units: number,
  ): void | Promise<void> {
    const name = throttler.name!;
    const [limit, ttl] = [throttler.limit as number, throttler.ttl as number];
    const key = this.commonOptions.generateKey!(context, request.caller ?? networkOf(request.ip), name);
    const answer = ({ totalHits, timeToExpire, isBlocked }: ThrottlerRecord) => {
      const reply = context.switchToHttp().getResponse<FastifyReply>();
      reply.headers({
        'ratelimit-policy': `"${name}";q=${limit};w=${ttl / 1000}`,
        ratelimit: `"${name}";r=${limit - totalHits};t=${timeToExpire}`,
      });
      if (isBlocked) throw rateLimited(timeToExpire);
    };
    const record = (this.storageService as RateLimitStorage).take(key, ttl, limit, units);
    return record instanceof Promise ? record.then(answer) : answer(record);
  }
}
