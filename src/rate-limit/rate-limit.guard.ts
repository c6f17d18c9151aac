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

type Route = Pick<FastifyRequest['routeOptions'], 'config'>;

/** A limit of one kind of routes. At most one applies to a route. */
export interface CallLimit extends ThrottlerOptions {
  readonly name: string;
  readonly limit: number;
  readonly ttl: number;
  readonly appliesTo: (route: Route) => boolean;
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
    const [request, reply] = context.getArgs<[FastifyRequest, FastifyReply]>();
    const limit = this.findLimit(request.routeOptions);
    if (!limit) return true;
    const count = async (units: number) => {
      const key = keyOf(limit, request.caller, request.ip);
      const record = await this.storage.take(key, limit.ttl, limit.limit, units);
      reply.headers(limitHeaders(limit, record));
      if (record.isBlocked) throw rateLimited(record.timeToExpire);
    };
    const { kind, countUnits } = request.routeOptions.config;
    if (kind === 'callback') request.countUnverified = () => count(1);
    else await count(countUnits?.(request.body) ?? 1);
    return true;
  }

  /** Counts a call of one unit if that needs no waiting. @returns the headers to send, or undefined if it is not counted */
  takeNow(route: Route, caller: string | undefined, address: string): Record<string, string> | undefined {
    const limit = this.findLimit(route);
    if (!limit) return {};
    const record = this.storage.takeNow(keyOf(limit, caller, address), limit.ttl, limit.limit);
    return record && limitHeaders(limit, record);
  }

  private findLimit(route: Route): CallLimit | undefined {
    return (this.throttlers as CallLimit[]).find(({ appliesTo }) => appliesTo(route));
  }

  private get storage(): RateLimitStorage {
    return this.storageService as RateLimitStorage;
  }
}

function keyOf({ name }: CallLimit, caller: string | undefined, address: string): string {
  return `${name}:${caller ?? networkOf(address)}`;
}

function limitHeaders(
  { name, limit, ttl }: CallLimit,
  { totalHits, timeToExpire }: ThrottlerRecord,
): Record<string, string> {
  return {
    'ratelimit-policy': `"${name}";q=${limit};w=${ttl / 1000}`,
    ratelimit: `"${name}";r=${limit - totalHits};t=${timeToExpire}`,
  };
}
