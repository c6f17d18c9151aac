import { hash } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { TieredCache } from './tiered-cache.js';

/** One kind of cached answer. */
export interface CachePolicy<T> {
  /** What is cached, in a word: for the counts. */
  readonly name: string;
  /** How long an answer is fresh. */
  readonly ttlMs: number;
  /** How long after that it may still stand in while the source fails. */
  readonly staleMs: number;
  /** How long "there is none" is remembered. */
  readonly notFoundTtlMs: number;
  /** Checks what comes out of the cache, which may have been written by another version or hand. */
  readonly isValue: (value: unknown) => value is T;
  /** Says of an error whether it leaves the answer unknown. Any other error is not masked by an old answer. */
  readonly isUnavailable: (error: unknown) => boolean;
}

/**
 * Where an answer came from: the cache (`hit`); the source, since nothing was cached (`miss`), the entry was too old
 * (`expired`) or the caller asked for it (`requested`); or the cache after its time, since the source failed (`stale`).
 */
export type Provenance = 'hit' | 'miss' | 'expired' | 'requested' | 'stale';

/** An answer and its times, ms since the epoch. `value` is undefined when the source says that there is none. */
export interface CacheResult<T> {
  readonly value: T | undefined;
  readonly provenance: Provenance;
  /** When the source was asked. */
  readonly asOf: number;
  readonly freshUntil: number;
}

/**
 * What is stored. Its times follow from `asOf` and the configuration of whoever reads it. The key is repeated, so that the
 * entry of another key, by whatever mix-up it comes here, is not shown to the wrong user.
 */
interface StoredEntry<T> {
  readonly key: string;
  readonly value: T | null;
  readonly asOf: number;
}

interface CacheEntry<T> extends StoredEntry<T> {
  /** From here on a hit also refreshes it in the background. */
  readonly refreshFrom: number;
  readonly freshUntil: number;
  /** Until then it may stand in while the source fails. */
  readonly staleUntil: number;
}

/** Look-ups of one kind since the start. */
export interface LookupCounts {
  readonly outcomes: Record<Provenance | 'failed', number>;
  /** Those that shared a call to the source which another one had begun. */
  coalesced: number;
}

type Fetch<T> = () => Promise<T | undefined>;

/**
 * The part of its life, at the end, in which an entry is refreshed: somewhere in its last fifth, for each process at another
 * moment, so that one replica refreshes and the others find its answer.
 */
const REFRESH_FRACTION = 0.1 + 0.1 * Math.random();

/** Clocks differ. An entry from further in the future is wrong, and would never be replaced. */
const MAX_CLOCK_SKEW_MS = 60_000;

/**
 * Answers from the cache or from the source, with one call to the source at a time for a key.
 * Keys must name all that the answer depends on, the version of its shape included.
 */
@Injectable()
export class ReadThrough {
  readonly counts = new Map<string, LookupCounts>();
  private readonly inFlight = new Map<string, Promise<CacheResult<unknown>>>();
  private readonly logger = new Logger(ReadThrough.name);

  constructor(private readonly cache: TieredCache) {}

  /** @throws what `fetch` throws, unless an older answer may stand in for it */
  async get<T>(
    key: string,
    policy: CachePolicy<T>,
    fetch: Fetch<T>,
    noCache = false,
  ): Promise<CacheResult<T>> {
    const { outcomes } = this.getCounts(policy);
    try {
      const lookup = await this.lookUp(key, policy, fetch, noCache);
      outcomes[lookup.provenance] += 1;
      return lookup;
    } catch (error) {
      outcomes.failed += 1;
      throw error;
    }
  }

  private getCounts({ name }: CachePolicy<unknown>): LookupCounts {
    const outcomes = { hit: 0, miss: 0, expired: 0, requested: 0, stale: 0, failed: 0 };
    const counts = this.counts.get(name) ?? { outcomes, coalesced: 0 };
    this.counts.set(name, counts);
    return counts;
  }

  private async lookUp<T>(
    key: string,
    kind: CachePolicy<T>,
    fetch: Fetch<T>,
    noCache: boolean,
  ): Promise<CacheResult<T>> {
    // A flight that began before this call may bring what was true before it: who asks anew starts anew.
    if (noCache) return this.singleFlight(key, () => this.fetch(key, kind, fetch, 'requested'));
    const known = await this.findInMemory(key, kind);
    const now = Date.now();
    if (known && now < known.freshUntil) {
      if (now >= known.refreshFrom && !this.inFlight.has(key)) this.refresh(key, kind, fetch);
      return toResult(known, 'hit');
    }
    const flight = this.inFlight.get(key) as Promise<CacheResult<T>> | undefined;
    if (flight) this.getCounts(kind).coalesced += 1;
    try {
      return await (flight ?? this.singleFlight(key, () => this.load(key, kind, fetch, 'freshUntil')));
    } catch (error) {
      // Also for who waited for a refresh, or for somebody's no-cache.
      const old = kind.isUnavailable(error) ? await this.findInMemory(key, kind) : undefined;
      if (!old) throw error;
      return toResult(old, Date.now() < old.freshUntil ? 'hit' : 'stale');
    }
  }

  private singleFlight<T>(key: string, load: () => Promise<CacheResult<T>>): Promise<CacheResult<T>> {
    const flight = load().finally(() => {
      if (this.inFlight.get(key) === flight) this.inFlight.delete(key);
    });
    this.inFlight.set(key, flight);
    return flight;
  }

  private refresh<T>(key: string, kind: CachePolicy<T>, fetch: Fetch<T>): void {
    this.singleFlight(key, () => this.load(key, kind, fetch, 'refreshFrom')).catch((error: unknown) => {
      this.logger.debug({
        msg: 'background refresh failed',
        reason: error instanceof Error ? error.message : 'unknown',
      });
    });
  }

  /** Takes what another flight or replica has found meanwhile, if it is good until then; else asks the source. */
  private async load<T>(
    key: string,
    kind: CachePolicy<T>,
    fetch: Fetch<T>,
    until: 'refreshFrom' | 'freshUntil',
  ): Promise<CacheResult<T>> {
    const known = await this.findInMemory(key, kind);
    if (known && Date.now() < known[until]) return toResult(known, 'hit');
    const shared = parseEntry(key, kind, await this.cache.readShared(key));
    // Memory again: meanwhile a no-cache call may have brought something newer.
    const entry = newer(await this.findInMemory(key, kind), shared);
    if (entry) await this.store(entry);
    if (entry && Date.now() < entry[until]) return toResult(entry, 'hit');
    return this.fetch(key, kind, fetch, entry ? 'expired' : 'miss');
  }

  private async fetch<T>(
    key: string,
    kind: CachePolicy<T>,
    fetch: Fetch<T>,
    provenance: Provenance,
  ): Promise<CacheResult<T>> {
    const asOf = Date.now();
    const value = (await fetch()) ?? null;
    const entry = withTimes(kind, { key, value, asOf });
    const current = await this.findInMemory(key, kind);
    // A slow answer does not undo one that was asked for after it.
    if (!current || current.asOf <= asOf) {
      await this.store(entry);
      void this.cache.writeShared(key, { key, value, asOf }, entry.staleUntil - Date.now());
    }
    return toResult(entry, provenance);
  }

  private async findInMemory<T>(key: string, kind: CachePolicy<T>): Promise<CacheEntry<T> | undefined> {
    // Only `remember` writes there: the times are those of this process.
    const known = (await this.cache.readMemory(key)) as CacheEntry<unknown> | undefined;
    return known && isUsable(kind, known) ? known : undefined;
  }

  private store<T>(entry: CacheEntry<T>): Promise<void> {
    return this.cache.writeMemory(entry.key, entry, entry.staleUntil - Date.now());
  }
}

function withTimes<T, V>(kind: CachePolicy<T>, entry: StoredEntry<V>): CacheEntry<V> {
  const { key, value, asOf } = entry;
  const ttlMs = (value === null ? kind.notFoundTtlMs : kind.ttlMs) * jitter(key);
  const freshUntil = asOf + ttlMs;
  const refreshFrom = freshUntil - ttlMs * REFRESH_FRACTION;
  return {
    key,
    value,
    asOf,
    refreshFrom,
    freshUntil,
    staleUntil: freshUntil + (value === null ? 0 : kind.staleMs),
  };
}

/** 0.9 to 1.1, always the same for a key: entries written together do not expire together. */
function jitter(key: string): number {
  return 0.9 + (0.2 * hash('sha1', key, 'buffer').readUInt32BE()) / 2 ** 32;
}

function toResult<T>({ value, asOf, freshUntil }: CacheEntry<T>, provenance: Provenance): CacheResult<T> {
  return { value: value ?? undefined, provenance, asOf, freshUntil };
}

function newer<T>(a: CacheEntry<T> | undefined, b: CacheEntry<T> | undefined): CacheEntry<T> | undefined {
  if (!a || !b) return a ?? b;
  return b.asOf > a.asOf ? b : a;
}

/** What was stored, if it is an entry of this key and kind that may still be used. */
function parseEntry<T>(key: string, kind: CachePolicy<T>, stored: unknown): CacheEntry<T> | undefined {
  if (typeof stored !== 'object' || stored === null) return undefined;
  const { key: storedKey, value, asOf } = stored as Partial<StoredEntry<unknown>>;
  if (storedKey !== key || typeof asOf !== 'number' || !(asOf <= Date.now() + MAX_CLOCK_SKEW_MS))
    return undefined;
  const known = withTimes(kind, { key, value, asOf });
  return isUsable(kind, known) ? known : undefined;
}

function isUsable<T>(kind: CachePolicy<T>, known: CacheEntry<unknown>): known is CacheEntry<T> {
  return (known.value === null || kind.isValue(known.value)) && Date.now() < known.staleUntil;
}
