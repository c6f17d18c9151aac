import { hash } from 'node:crypto';
import type { OpenedEntry } from './entry-seal.service.js';

/** How one kind of value is cached. */
export interface CachePolicy<T> {
  /** Names the kind of value in metrics. */
  readonly name: string;
  /** How long a value stays fresh. */
  readonly ttlMs: number;
  /** How long after that it may still be served while the source fails. */
  readonly staleMs: number;
  /** How long the absence of a value is cached. */
  readonly notFoundTtlMs: number;
  /** How long an entry in memory is served before that in Redis is read again: another replica may have stored a newer one. */
  readonly recheckMs: number;
  /** Checks a cached value, which another version may have written. */
  readonly isValue: (value: unknown) => value is T;
  /** Whether the error means that the source is unavailable. Only then may a stale value be served. */
  readonly isUnavailable: (error: unknown) => boolean;
  /** What other replicas that wait for a call need to throw its error, too; undefined for one that concerns this replica alone. */
  readonly packError: (error: unknown) => unknown;
  readonly unpackError: (packed: unknown) => Error;
}

/**
 * Where a value came from, in the words of nginx's cache status: from the cache (`hit`); from the source because nothing was
 * cached (`miss`), the entry had expired (`expired`) or the caller sent no-cache (`bypass`); or an expired entry, because the
 * source failed (`stale`).
 */
export type Provenance = 'hit' | 'miss' | 'expired' | 'bypass' | 'stale';

/** A value and its times. `value` is undefined when the source has no such value. */
export interface CacheResult<T> {
  readonly value: T | undefined;
  readonly provenance: Provenance;
  /** When the request to the source was sent, ms since the epoch. */
  readonly asOf: number;
  /** The same by `performance.now()`, which does not change with the clock. */
  readonly requestedAt: number;
  /** By `performance.now()`. */
  readonly freshUntil: number;
}

/** An entry in Redis. The reader derives its other times from its age and its own configuration. */
interface StoredEntry<T> {
  readonly value: T | null;
  readonly asOf: number;
}

/** All times but `asOf` are by `performance.now()`. */
export interface CacheEntry<T> extends StoredEntry<T> {
  readonly key: string;
  readonly requestedAt: number;
  /** From then on, a hit also starts a refresh in the background. */
  readonly refreshAfter: number;
  readonly freshUntil: number;
  /** Until then it may be served while the source fails. */
  readonly staleUntil: number;
  /** From then on, the entry in Redis is read before this one is served. */
  recheckAfter: number;
}

/** The last part of an entry's lifetime, in which hits refresh it. */
const REFRESH_FRACTION = 0.1;

export function withTimes<T, V>(
  policy: CachePolicy<T>,
  key: string,
  { value, asOf }: StoredEntry<V>,
  requestedAt: number,
  fetchMs: number,
): CacheEntry<V> {
  const ttlMs = (value === null ? policy.notFoundTtlMs : policy.ttlMs) * jitter(key);
  const freshUntil = requestedAt + ttlMs;
  // A refresh that takes long starts earlier, and each replica draws its own time (XFetch): the first one is done before the next starts.
  const aheadMs = ttlMs * REFRESH_FRACTION - fetchMs * Math.log(1 - Math.random());
  const refreshAfter = freshUntil - Math.min(aheadMs, ttlMs / 2);
  return {
    key,
    value,
    asOf,
    requestedAt,
    refreshAfter,
    freshUntil,
    staleUntil: freshUntil + (value === null ? 0 : policy.staleMs),
    recheckAfter: performance.now() + policy.recheckMs,
  };
}

/** A factor of 0.9 to 1, constant for a key, so that entries written together do not expire together. */
function jitter(key: string): number {
  return 1 - (0.1 * hash('sha1', key, 'buffer').readUInt32BE()) / 2 ** 32;
}

export function toResult<T>(
  { value, asOf, requestedAt, freshUntil }: CacheEntry<T>,
  provenance: Provenance,
): CacheResult<T> {
  return { value: value ?? undefined, provenance, asOf, requestedAt, freshUntil };
}

/** @returns the stored entry if it has a valid value and may still be served */
export function parseEntry<T>(
  key: string,
  policy: CachePolicy<T>,
  stored: OpenedEntry | undefined,
  fetchMs: number,
): CacheEntry<T> | undefined {
  if (typeof stored?.value !== 'object' || stored.value === null) return undefined;
  const { value, asOf } = stored.value as Partial<StoredEntry<unknown>>;
  if (value === undefined || typeof asOf !== 'number') return undefined;
  const entry = withTimes(policy, key, { value, asOf }, performance.now() - stored.ageMs, fetchMs);
  return isUsable(policy, entry) ? entry : undefined;
}

export function isUsable<T>(policy: CachePolicy<T>, entry: CacheEntry<unknown>): entry is CacheEntry<T> {
  return (entry.value === null || policy.isValue(entry.value)) && performance.now() < entry.staleUntil;
}
