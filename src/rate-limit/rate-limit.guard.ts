import { Injectable } from '@nestjs/common';
import { ThrottlerGuard } from '@nestjs/throttler';
import type { ThrottlerRequest } from '@nestjs/throttler';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { rateLimited } from '../problem/problem-catalogue.js';

/**
 * Refuses what is too much. Callers are counted by name, whatever their keys; callbacks, and calls that need no credential, by
 * the address that they come from (an IPv6 one by its /64 network). Where one stands is told in the headers of the IETF draft.
 */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  protected override async getTracker(request: Pick<FastifyRequest, 'caller' | 'ip'>): Promise<string> {
    return request.caller ?? (await super.getTracker(request));
  }

  protected override async handleRequest(asked: ThrottlerRequest): Promise<boolean> {
    const { context, limit, ttl, blockDuration, throttler, getTracker, generateKey } = asked;
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
