import type { FastifyReply } from 'fastify';
import type { CacheResult, Provenance } from './cache-entry.js';

const CACHE_STATUS: Record<Provenance, string> = {
  hit: 'hit',
  miss: 'fwd=miss',
  expired: 'fwd=stale',
  bypass: 'fwd=request',
  stale: 'hit; detail=stale-if-error',
};

/** A response made of several results is as good as its worst one. */
const BEST_TO_WORST: readonly Provenance[] = ['hit', 'miss', 'expired', 'bypass', 'stale'];

export type CacheTimes = Omit<CacheResult<unknown>, 'value'>;

/** The times of a response made of two results: the worst provenance, and the earlier of each time. */
export function worstOf(a: CacheTimes, b: CacheTimes): CacheTimes {
  const provenance =
    BEST_TO_WORST.indexOf(a.provenance) > BEST_TO_WORST.indexOf(b.provenance) ? a.provenance : b.provenance;
  return {
    provenance,
    asOf: Math.min(a.asOf, b.asOf),
    requestedAt: Math.min(a.requestedAt, b.requestedAt),
    freshUntil: Math.min(a.freshUntil, b.freshUntil),
  };
}

/** `Cache-Control` and `Age` (RFC 9111), in seconds rounded down, and `Cache-Status` (RFC 9211). */
export function cacheHeaders(
  { requestedAt, freshUntil, provenance }: Omit<CacheTimes, 'asOf'>,
  now = performance.now(),
): Record<string, string> {
  return {
    'cache-control': `private, max-age=${toSeconds(freshUntil - now)}`,
    age: toSeconds(now - requestedAt),
    'cache-status': `rewards-gateway; ${CACHE_STATUS[provenance]}`,
  };
}

/**
 * Sets the cache headers of a response, also when there is no value.
 * @throws what `notFound` creates when the source has no such value
 */
export function respondCached<T>(reply: FastifyReply, result: CacheResult<T>, notFound: () => Error): T {
  reply.headers(cacheHeaders(result));
  if (result.value === undefined) throw notFound();
  return result.value;
}

function toSeconds(ms: number): string {
  // RFC 9111, 1.2.2: recipients need not support more than 31 bits.
  return String(Math.min(2 ** 31 - 1, Math.max(0, Math.floor(ms / 1000))));
}
