import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../config/config.js';
import { Problem } from '../problem/problem.js';
import { type RateLimits, windowSeconds } from './rate-limits.js';
import { sourceOf } from './source.js';

/** Who is counted: in the headers, and in the keys of the counters. */
interface Policy {
  readonly name: 'caller' | 'callback';
  readonly limit: number;
  readonly key: string;
}

/**
 * Refuses what is too much, before its body is read. Callers are counted by name, whatever their keys; callbacks, and calls
 * that need no credential, by the address they come from (an IPv6 one by its /64 network).
 */
export function limitRates(instance: FastifyInstance, limits: RateLimits, config: Config): void {
  instance.addHook('onRequest', async (request, reply) => {
    const policy = policyOf(request, config);
    if (!policy || policy.limit === 0) return;
    const { name, limit, key } = policy;
    const { allowed, remaining, resetSeconds } = await limits.take(`${name}:${key}`, limit);
    reply.header('ratelimit-policy', `"${name}";q=${limit};w=${windowSeconds}`);
    reply.header('ratelimit', `"${name}";r=${remaining};t=${resetSeconds}`);
    if (!allowed)
      throw Problem.of('rate-limited', 'That was the limit of calls a minute. Try again after Retry-After.', {
        retryable: true,
        retry_after_seconds: resetSeconds,
      });
  });
}

function policyOf(request: FastifyRequest, config: Config): Policy | undefined {
  const { url, config: route } = request.routeOptions;
  if (route.scope !== undefined) {
    const key = request.caller ?? sourceOf(request.ip);
    return { name: 'caller', limit: Math.ceil(config.rateLimitPerMinute), key };
  }
  if (!url?.startsWith('/callbacks/')) return undefined;
  const limit = Math.ceil(config.callbackRateLimitPerMinute);
  return { name: 'callback', limit, key: sourceOf(request.ip) };
}
