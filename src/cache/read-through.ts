import { hash } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { CacheLayers } from './cache-layers.js';

/** One kind of cached answer. */
export interface CachedKind<T> {
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
  readonly isUnknown: (error: unknown) => boolean;
}

/**
 * Where an answer came from: the cache (`hit`); the source, since nothing was cached (`miss`), the entry was too old
 * (`expired`) or the caller asked for it (`requested`); or the cache after its time, since the source failed (`stale`).
 */
export type Provenance = 'hit' | 'miss' | 'expired' | 'requested' | 'stale';

/** An answer and its times, ms since the epoch. `value` is undefined when the source says that there is none. */
export interface Lookup<T> {
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
interface Entry<T> {
  readonly key: string;
  readonly value: T | null;
  readonly asOf: number;
}

interface Known<T> extends Entry<T> {
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
  waits: number;
}

type Fetch<T> = () => Promise<T | undefined>;

/**
 * The part of its life, at the end, in which an entry is refreshed: somewhere in its last fifth, for each process at another
 * moment, so that one replica refreshes and the others find its answer.
 */
const refreshShare = 0.1 + 0.1 * Math.random();

/** Clocks differ. An entry from further in the future is wrong, and would never be replaced. */
const clockSkewMs = 60_000;

/**
 * Answers from the cache or from the source, with one call to the source at a time for a key.
 * Keys must name all that the answer depends on, the version of its shape included.
 */
@Injectable()
export class ReadThrough {
  readonly counts = new Map<string, LookupCounts>();
  private readonly flights = new Map<string, Promise<Lookup<unknown>>>();
  private readonly logger = new Logger(ReadThrough.name);

  constructor(private readonly layers: CacheLayers) {}

  /** @throws what `fetch` throws, unless an older answer may stand in for it */
  async get<T>(key: string, kind: CachedKind<T>, fetch: Fetch<T>, noCache = false): Promise<Lookup<T>> {
    const { outcomes } = this.countsOf(kind);
    try {
      const lookup = await this.lookUp(key, kind, fetch, noCache);
      outcomes[lookup.provenance] += 1;
      return lookup;
    } catch (error) {
      outcomes.failed += 1;
      throw error;
    }
  }

  private countsOf({ name }: CachedKind<unknown>): LookupCounts {
    const outcomes = { hit: 0, miss: 0, expired: 0, requested: 0, stale: 0, failed: 0 };
    const counts = this.counts.get(name) ?? { outcomes, waits: 0 };
    this.counts.set(name, counts);
    return counts;
  }

  private async lookUp<T>(
    key: string,
    kind: CachedKind<T>,
    fetch: Fetch<T>,
    noCache: boolean,
  ): Promise<Lookup<T>> {
    // A flight that began before this call may bring what was true before it: who asks anew starts anew.
    if (noCache) return this.fly(key, () => this.fetch(key, kind, fetch, 'requested'));
    const known = await this.inMemory(key, kind);
    const now = Date.now();
    if (known && now < known.freshUntil) {
      if (now >= known.refreshFrom && !this.flights.has(key)) this.refresh(key, kind, fetch);
      return found(known, 'hit');
    }
    const flight = this.flights.get(key) as Promise<Lookup<T>> | undefined;
    if (flight) this.countsOf(kind).waits += 1;
    try {
      return await (flight ?? this.fly(key, () => this.load(key, kind, fetch, 'freshUntil')));
    } catch (error) {
      // Also for who waited for a refresh, or for somebody's no-cache.
      const old = kind.isUnknown(error) ? await this.inMemory(key, kind) : undefined;
      if (!old) throw error;
      return found(old, Date.now() < old.freshUntil ? 'hit' : 'stale');
    }
  }

  private fly<T>(key: string, load: () => Promise<Lookup<T>>): Promise<Lookup<T>> {
    const flight = load().finally(() => {
      if (this.flights.get(key) === flight) this.flights.delete(key);
    });
    this.flights.set(key, flight);
    return flight;
  }

  private refresh<T>(key: string, kind: CachedKind<T>, fetch: Fetch<T>): void {
    this.fly(key, () => this.load(key, kind, fetch, 'refreshFrom')).catch((error: unknown) => {
      this.logger.debug({
        msg: 'background refresh failed',
        reason: error instanceof Error ? error.message : 'unknown',
      });
    });
  }

  /** Takes what another flight or replica has found meanwhile, if it is good until then; else asks the source. */
  private async load<T>(
    key: string,
    kind: CachedKind<T>,
    fetch: Fetch<T>,
    until: 'refreshFrom' | 'freshUntil',
  ): Promise<Lookup<T>> {
    const known = await this.inMemory(key, kind);
    if (known && Date.now() < known[until]) return found(known, 'hit');
    const shared = read(key, kind, await this.layers.readShared(key));
    // Memory again: meanwhile a no-cache call may have brought something newer.
    const entry = newer(await this.inMemory(key, kind), shared);
    if (entry) await this.remember(entry);
    if (entry && Date.now() < entry[until]) return found(entry, 'hit');
    return this.fetch(key, kind, fetch, entry ? 'expired' : 'miss');
  }

  private async fetch<T>(
    key: string,
    kind: CachedKind<T>,
    fetch: Fetch<T>,
    provenance: Provenance,
  ): Promise<Lookup<T>> {
    const asOf = Date.now();
    const value = (await fetch()) ?? null;
    const entry = withTimes(kind, { key, value, asOf });
    const current = await this.inMemory(key, kind);
    // A slow answer does not undo one that was asked for after it.
    if (!current || current.asOf <= asOf) {
      await this.remember(entry);
      void this.layers.writeShared(key, { key, value, asOf }, entry.staleUntil - Date.now());
    }
    return found(entry, provenance);
  }

  private async inMemory<T>(key: string, kind: CachedKind<T>): Promise<Known<T> | undefined> {
    // Only `remember` writes there: the times are those of this process.
    const known = (await this.layers.readMemory(key)) as Known<unknown> | undefined;
    return known && isUsable(kind, known) ? known : undefined;
  }

  private remember<T>(entry: Known<T>): Promise<void> {
    return this.layers.writeMemory(entry.key, entry, entry.staleUntil - Date.now());
  }
}

function withTimes<T, V>(kind: CachedKind<T>, entry: Entry<V>): Known<V> {
  const { key, value, asOf } = entry;
  const ttlMs = (value === null ? kind.notFoundTtlMs : kind.ttlMs) * jitter(key);
  const freshUntil = asOf + ttlMs;
  const refreshFrom = freshUntil - ttlMs * refreshShare;
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

function found<T>({ value, asOf, freshUntil }: Known<T>, provenance: Provenance): Lookup<T> {
  return { value: value ?? undefined, provenance, asOf, freshUntil };
}

function newer<T>(a: Known<T> | undefined, b: Known<T> | undefined): Known<T> | undefined {
  if (!a || !b) return a ?? b;
  return b.asOf > a.asOf ? b : a;
}

/** What was stored, if it is an entry of this key and kind that may still be used. */
function read<T>(key: string, kind: CachedKind<T>, stored: unknown): Known<T> | undefined {
  if (typeof stored !== 'object' || stored === null) return undefined;
  const { key: storedKey, value, asOf } = stored as Partial<Entry<unknown>>;
  if (storedKey !== key || typeof asOf !== 'number' || !(asOf <= Date.now() + clockSkewMs)) return undefined;
  const known = withTimes(kind, { key, value, asOf });
  return isUsable(kind, known) ? known : undefined;
}

function isUsable<T>(kind: CachedKind<T>, known: Known<unknown>): known is Known<T> {
  return (known.value === null || kind.isValue(known.value)) && Date.now() < known.staleUntil;
}
