import { Injectable } from '@nestjs/common';
import { ThrottlerGuard } from '@nestjs/throttler';
import type { ThrottlerRequest } from '@nestjs/throttler';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseAddress } from '../http/forwarded-for.js';
import { rateLimited } from '../problem/problem-catalogue.js';

/**
 * Rejects calls beyond the rate limit. Callers are counted by name, whichever key they use; callbacks and unauthenticated calls
 * by client address (an IPv6 address by its /64 network). Sends the `RateLimit` headers of draft-ietf-httpapi-ratelimit-headers.
 */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  protected override async getTracker(request: Pick<FastifyRequest, 'caller' | 'ip'>): Promise<string> {
    // On a socket for both, an IPv4 address comes in the form of an IPv6 one.
    return request.caller ?? (await super.getTracker({ ip: parseAddress(request.ip) ?? request.ip }));
  }

  protected override async handleRequest(options: ThrottlerRequest): Promise<boolean> {
    const { context, limit, ttl, blockDuration, throttler, getTracker, generateKey } = options;
    const name = throttler.name!;
    const http = context.switchToHttp();
    const key = generateKey(context, await getTracker(http.getRequest<FastifyRequest>(), context), name);
    const { totalHits, timeToExpire, isBlocked } = await this.storageService.increment(
      key,
      ttl,
      limit,
      blockDuration,
      name,
    );
    http.getResponse<FastifyReply>().headers({
      'ratelimit-policy': `"${name}";q=${limit};w=${ttl / 1000}`,
      ratelimit: `"${name}";r=${limit - totalHits};t=${timeToExpire}`,
    });
    if (!isBlocked) return true;
    throw rateLimited(timeToExpire);
  }
}
