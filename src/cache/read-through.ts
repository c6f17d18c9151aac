import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { isUsable, parseEntry, toResult, withTimes } from './cache-entry.js';
import type { CacheEntry, CachePolicy, CacheResult } from './cache-entry.js';
import { EntryLeaseService } from './entry-lease.service.js';
import type { Lease, LeaseState } from './entry-lease.service.js';
import type { OpenedEntry } from './entry-seal.service.js';
import { newCounts } from './lookup-counts.js';
import type { FetchReason, LookupCounts, MutableCounts } from './lookup-counts.js';
import { TieredCache } from './tiered-cache.js';

export interface ReadOptions {
  /** Ask the source, also when the value is cached. */
  readonly noCache?: boolean;
  /** Limits the concurrency of the requests to the source. */
  readonly limiter?: <T>(request: () => Promise<T>) => Promise<T>;
}

/** How often no-cache asks the source for one key. */
const BYPASS_INTERVAL_MS = 1_000;

interface Bypass {
  /** When the next one may start. */
  readonly over: Promise<boolean>;
  next?: Promise<CacheResult<unknown>>;
}

type Fetch<T> = () => Promise<T | undefined>;

interface Lookup<T> {
  readonly key: string;
  readonly policy: CachePolicy<T>;
  readonly fetch: Fetch<T>;
  readonly limiter: ReadOptions['limiter'];
}

/** Until when an entry will do. */
type Until = 'refreshAfter' | 'freshUntil';

const unlimited = <T>(request: () => Promise<T>): Promise<T> => request();

/**
 * Reads from the cache or the source, with one request to the source per key at a time, for all replicas that share a Redis.
 * A key must contain everything that the value depends on, and the version of its format.
 */
@Injectable()
export class ReadThrough {
  private readonly counts = new Map<string, MutableCounts>();
  private readonly inFlight = new Map<string, Promise<CacheResult<unknown>>>();
  /** Those of the last second. */
  private readonly bypasses = new Map<string, Bypass>();
  private readonly logger = new Logger(ReadThrough.name);

  constructor(
    private readonly cache: TieredCache,
    private readonly leases: EntryLeaseService,
  ) {}

  /** Lookups since the start, by the name of their policy. */
  get lookupCounts(): ReadonlyMap<string, LookupCounts> {
    return this.counts;
  }

  /** @throws what `fetch` throws, here or in another replica, unless a stale value may be served instead */
  async get<T>(
    key: string,
    policy: CachePolicy<T>,
    fetch: Fetch<T>,
    { noCache = false, limiter }: ReadOptions = {},
  ): Promise<CacheResult<T>> {
    const { outcomes } = this.getCounts(policy);
    const lookup = { key, policy, fetch, limiter };
    try {
      const result = await (noCache ? this.bypass(lookup) : this.lookUp(lookup));
      outcomes[result.provenance] += 1;
      return result;
    } catch (error) {
      outcomes.failed += 1;
      throw error;
    }
  }

  /**
   * An entry that can be served as it is, without a refresh: `store` has put it there, from a source or an entry of Redis that was
   * checked. It is not counted: see `countHit`.
   */
  peek<T>(key: string, now: number): CacheEntry<T> | undefined {
    const entry = this.cache.readMemory(key) as CacheEntry<T> | undefined;
    return entry && now < entry.refreshAfter && !this.isRecheckDue(entry, now) ? entry : undefined;
  }

  /** Counts a value that `peek` has found, and that is served. */
  countHit(policy: CachePolicy<unknown>): void {
    this.getCounts(policy).outcomes.hit += 1;
  }

  private getCounts({ name }: CachePolicy<unknown>): MutableCounts {
    let counts = this.counts.get(name);
    if (!counts) {
      counts = newCounts();
      this.counts.set(name, counts);
    }
    return counts;
  }

  private async lookUp<T>(lookup: Lookup<T>): Promise<CacheResult<T>> {
    const { key, policy } = lookup;
    const now = performance.now();
    const inMemory = this.findInMemory(key, policy);
    const entry =
      inMemory && this.isRecheckDue(inMemory, now) ? await this.recheck(inMemory, policy) : inMemory;
    if (entry && now < entry.freshUntil) {
      if (now >= entry.refreshAfter && !this.inFlight.has(key)) this.refresh(lookup);
      return toResult(entry, 'hit');
    }
    const pending = this.inFlight.get(key) as Promise<CacheResult<T>> | undefined;
    if (pending) this.getCounts(policy).coalesced += 1;
    try {
      return await (pending ?? this.singleFlight(key, () => this.load(lookup, 'freshUntil')));
    } catch (error) {
      // This also covers callers that waited for a refresh or for another caller's no-cache request.
      const stale = policy.isUnavailable(error) ? this.findInMemory(key, policy) : undefined;
      if (!stale) throw error;
      return toResult(stale, performance.now() < stale.freshUntil ? 'hit' : 'stale');
    }
  }

  private isRecheckDue({ recheckAfter }: CacheEntry<unknown>, now: number): boolean {
    return now >= recheckAfter && this.cache.isShared;
  }

  /** @returns the entry of Redis if that is newer. Until it is read, others are served the one in memory. */
  private async recheck<T>(entry: CacheEntry<T>, policy: CachePolicy<T>): Promise<CacheEntry<T>> {
    const { key } = entry;
    entry.recheckAfter = performance.now() + policy.recheckMs;
    await this.readShared(key, policy);
    return this.findInMemory(key, policy) ?? entry;
  }

  private async readShared<T>(key: string, policy: CachePolicy<T>): Promise<void> {
    await this.takeNewer(key, policy, await this.cache.readShared(key));
  }

  /** Stores an entry of Redis in memory if it is newer than the one there. */
  private async takeNewer<T>(
    key: string,
    policy: CachePolicy<T>,
    opened: OpenedEntry | undefined,
  ): Promise<void> {
    const shared = parseEntry(key, policy, opened, this.getCounts(policy).fetchMs);
    // Memory is read after Redis: a no-cache request may have stored a newer entry meanwhile.
    const current = this.findInMemory(key, policy);
    if (shared && (!current || shared.requestedAt > current.requestedAt)) await this.store(shared);
  }

  /**
   * Asks the source now, or, if another bypass of the key has just done so, together with all that wait for the next one: a request in
   * flight may return what was true before this call.
   */
  private bypass<T>(lookup: Lookup<T>): Promise<CacheResult<T>> {
    const { key, limiter = unlimited } = lookup;
    const latest = this.bypasses.get(key);
    if (latest) {
      latest.next ??= latest.over.then(() => this.bypass(lookup));
      return latest.next as Promise<CacheResult<T>>;
    }
    const over = sleep(BYPASS_INTERVAL_MS, undefined, { ref: false }).then(() => this.bypasses.delete(key));
    this.bypasses.set(key, { over });
    return this.singleFlight(key, () => limiter(() => this.fetch(lookup, 'bypass', this.leases.take(key))));
  }

  private singleFlight<T>(key: string, load: () => Promise<CacheResult<T>>): Promise<CacheResult<T>> {
    const pending = load().finally(() => {
      if (this.inFlight.get(key) === pending) this.inFlight.delete(key);
    });
    this.inFlight.set(key, pending);
    return pending;
  }

  private refresh<T>(lookup: Lookup<T>): void {
    this.singleFlight(lookup.key, () => this.load(lookup, 'refreshAfter')).catch((error: unknown) => {
      this.logger.debug({
        msg: 'background refresh failed',
        reason: error instanceof Error ? error.message : 'unknown',
      });
    });
  }

  /** Uses what another request or replica has stored meanwhile, unless it is past `until`; otherwise fetches. */
  private async load<T>(lookup: Lookup<T>, until: Until): Promise<CacheResult<T>> {
    const { key, policy, limiter } = lookup;
    const current = this.findUntil(lookup, until);
    if (current) return toResult(current, 'hit');
    if (!limiter) return this.lead(lookup, until);
    // What Redis has needs no turn.
    await this.readShared(key, policy);
    const shared = this.findUntil(lookup, until);
    return shared ? toResult(shared, 'hit') : limiter(() => this.lead(lookup, until));
  }

  private findUntil<T>({ key, policy }: Lookup<T>, until: Until): CacheEntry<T> | undefined {
    const entry = this.findInMemory(key, policy);
    return entry && performance.now() < entry[until] ? entry : undefined;
  }

  /** Fetches as the one replica that may, or uses what that one gets. */
  private async lead<T>(lookup: Lookup<T>, until: Until): Promise<CacheResult<T>> {
    const { key, policy } = lookup;
    const { outcome, waited, lease, failure } = await this.leases.acquire(key, async (opened) => {
      await this.takeNewer(key, policy, opened);
      return this.findUntil(lookup, until) !== undefined;
    });
    if (waited) this.getCounts(policy).waits[outcome] += 1;
    if (outcome === 'failed') throw policy.unpackError(failure);
    const entry = this.findInMemory(key, policy);
    if (outcome === 'entry' && entry) return toResult(entry, 'hit');
    return this.fetch(lookup, until === 'refreshAfter' ? 'refresh' : entry ? 'expired' : 'miss', lease);
  }

  private async fetch<T>(
    { key, policy, fetch }: Lookup<T>,
    reason: FetchReason,
    lease: Lease,
  ): Promise<CacheResult<T>> {
    const counts = this.getCounts(policy);
    const count = (state: LeaseState) => (counts.fetches[reason][state] += 1);
    const asOf = Date.now();
    const requestedAt = performance.now();
    let value: T | null;
    try {
      value = (await this.leases.hold(lease, fetch)) ?? null;
    } catch (error) {
      void this.leases.release(lease, policy.packError(error)).then(count);
      throw error;
    }
    counts.fetchMs = performance.now() - requestedAt;
    const entry = withTimes(policy, key, { value, asOf }, requestedAt, counts.fetchMs);
    const current = this.findInMemory(key, policy);
    // A slow response must not overwrite one that was requested after it.
    const isNewest = !current || current.requestedAt <= requestedAt;
    if (isNewest) await this.store(entry);
    void (isNewest ? this.share(entry, policy, lease) : this.leases.release(lease)).then(count);
    return toResult(entry, reason === 'refresh' ? 'expired' : reason);
  }

  /** Writes to Redis, unless the lease is lost and another replica has stored what it asked for later. */
  private async share<T>(entry: CacheEntry<T>, policy: CachePolicy<T>, lease: Lease): Promise<LeaseState> {
    const { key, value, asOf, requestedAt, staleUntil } = entry;
    const now = performance.now();
    const opened = { value: { value, asOf }, ageMs: now - requestedAt };
    const state = await this.leases.store(lease, opened, staleUntil - now);
    if (state === 'lost') await this.readShared(key, policy);
    return state;
  }

  private findInMemory<T>(key: string, policy: CachePolicy<T>): CacheEntry<T> | undefined {
    // Only `store` writes to memory, so the times are those of this process.
    const entry = this.cache.readMemory(key) as CacheEntry<unknown> | undefined;
    return entry && isUsable(policy, entry) ? entry : undefined;
  }

  private store<T>(entry: CacheEntry<T>): Promise<void> {
    return this.cache.writeMemory(entry.key, entry, entry.staleUntil - performance.now());
  }
}
