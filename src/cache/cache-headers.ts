import type { CacheResult, Provenance } from './read-through.js';

const CACHE_STATUS: Record<Provenance, string> = {
  hit: 'hit',
  miss: 'fwd=miss',
  expired: 'fwd=stale',
  requested: 'fwd=request',
  stale: 'hit; detail=stale-if-error',
};

/** From the best to the worst: an answer made of several is as good as its worst part. */
const BEST_TO_WORST: readonly Provenance[] = ['hit', 'miss', 'expired', 'requested', 'stale'];

export type CacheTimes = Omit<CacheResult<unknown>, 'value'>;

/** What is true of an answer that was made of two: its worst provenance, its oldest part, and the first part to end. */
export function worstOf(a: CacheTimes, b: CacheTimes): CacheTimes {
  const provenance =
    BEST_TO_WORST.indexOf(a.provenance) > BEST_TO_WORST.indexOf(b.provenance) ? a.provenance : b.provenance;
  return { provenance, asOf: Math.min(a.asOf, b.asOf), freshUntil: Math.min(a.freshUntil, b.freshUntil) };
}

/** `Cache-Control`, `Age` (RFC 9111) and `Cache-Status` (RFC 9211) of an answer; seconds, rounded down. */
export function cacheHeaders(
  { asOf, freshUntil, provenance }: CacheTimes,
  now = Date.now(),
): Record<string, string> {
  return {
    'cache-control': `private, max-age=${toSeconds(freshUntil - now)}`,
    age: toSeconds(now - asOf),
    'cache-status': `rewards-gateway; ${CACHE_STATUS[provenance]}`,
  };
}

function toSeconds(ms: number): string {
  // RFC 9111, 1.2.2: no more than 31 bits need be understood.
  return String(Math.min(2 ** 31 - 1, Math.max(0, Math.floor(ms / 1000))));
}
