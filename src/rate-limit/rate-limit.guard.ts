import { Injectable } from '@nestjs/common';
import { ThrottlerGuard } from '@nestjs/throttler';
import type { ThrottlerRequest } from '@nestjs/throttler';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { networkOf } from '../connections/client-network.js';
import { rateLimited } from '../problem/problem-catalogue.js';
import type { RateLimitStorage } from './rate-limit-storage.js';

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
  protected override async handleRequest(options: ThrottlerRequest): Promise<boolean> {
    const request = options.context.switchToHttp().getRequest<FastifyRequest>();
    const { kind, countUnits } = request.routeOptions.config;
    if (kind === 'callback') request.countUnverified = () => this.count(options, request, 1);
    else await this.count(options, request, countUnits?.(request.body) ?? 1);
    return true;
  }

  private async count(
    { context, limit, ttl, throttler, generateKey }: ThrottlerRequest,
    request: FastifyRequest,
    units: number,
  ): Promise<void> {
    const name = throttler.name!;
    const key = generateKey(context, request.caller ?? networkOf(request.ip), name);
    const storage = this.storageService as RateLimitStorage;
    const { totalHits, timeToExpire, isBlocked } = await storage.take(key, ttl, limit, units);
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    reply.headers({
      'ratelimit-policy': `"${name}";q=${limit};w=${ttl / 1000}`,
      ratelimit: `"${name}";r=${limit - totalHits};t=${timeToExpire}`,
    });
    if (isBlocked) throw rateLimited(timeToExpire);
  }
}
