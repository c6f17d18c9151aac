import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { backoffMs } from '../async/backoff.js';
import { Config } from '../config/config.js';
import { EntrySealService } from './entry-seal.service.js';
import type { OpenedEntry } from './entry-seal.service.js';
import { RedisStore } from './redis-store.js';
import { toRedisTtl } from './tiered-cache.js';

/** A lease ends so soon after its holder was killed or paused, unless the holder renews it. */
const LEASE_MS = 1_000;
const RENEWAL_INTERVAL_MS = 300;
/** How long a holder renews its lease at most, and how long others wait at most, unless a call must end before. */
const MAX_HOLD_MS = 10_000;
/** Most calls take less than a second. The first waits are short, later ones long. */
const POLL = { initialMs: 20, maxMs: 50 };
const LATE_POLL = { initialMs: 250, maxMs: 250, afterMs: 1_000 };
/** How long those that wait can read why the holder failed. */
const FAILURE_TTL_MS = LEASE_MS;
/** Time in which a command reaches Redis: an entry that is older by less than this may be newer. */
const AGE_ERROR_MS = 20;

/** The right of one replica to ask the source for a key, and to store the answer in Redis. */
export interface Lease {
  readonly key: string;
  /** Never used for another lease. */
  readonly id: string;
}

export interface Acquisition {
  /**
   * `acquired`; `entry`: another replica has stored one that will do; `failed`: the call of the holder has; `overdue`: the wait took too
   * long; `unavailable`: Redis is. In the last two cases, this replica asks without a lease.
   */
  readonly outcome: 'acquired' | 'entry' | 'failed' | 'overdue' | 'unavailable';
  /** Whether there was a holder to wait for. */
  readonly waited: boolean;
  readonly lease: Lease;
  readonly failure?: unknown;
}

/** Whether a replica still had its lease when its call ended; `unknown` without Redis, and while it is unavailable. */
export type LeaseState = 'held' | 'lost' | 'unknown';

/**
 * A lease has the id of its holder or, while its key is not leased, that of the last holder and why it failed. One that lasts longer than
 * any is none. An entry is returned if it is another one than the caller has seen.
 */
const CLAIM_SCRIPT = `
local entry = redis.pcall('GET', KEYS[1])
if type(entry) == 'string' and entry ~= ARGV[1] then
  return {'entry', entry, redis.call('PTTL', KEYS[1])}
end
local lease = redis.pcall('GET', KEYS[2])
if type(lease) == 'string' then
  local left = redis.call('PTTL', KEYS[2])
  if left < 0 or left > tonumber(ARGV[4]) then lease = '' end
end
local holder, failure = string.match(type(lease) == 'string' and lease or '', '^(%S*) ?(.*)')
if failure ~= '' and holder == ARGV[2] then return {'failed', failure, redis.call('PTTL', KEYS[2])} end
if failure == '' and holder ~= '' then return {'held', holder, 0} end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return {'acquired', '', 0}`;
type ClaimReply = readonly [kind: 'entry' | 'failed' | 'held' | 'acquired', text: string, leftMs: number];

/** The lease is checked and the command runs in one step: nothing can come between. */
const ifHeld = (command: string) => `
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
${command}
return 1`;
const TAKE_SCRIPT = `return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])`;
const RENEW_SCRIPT = ifHeld(`redis.call('PEXPIRE', KEYS[1], ARGV[2])`);
const RELEASE_SCRIPT = ifHeld(`redis.call('DEL', KEYS[1])`);
const FAIL_SCRIPT = ifHeld(`redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])`);
/** Without the lease, only an older entry is replaced, by the clock of Redis. */
const STORE_SCRIPT = `
local held = redis.pcall('GET', KEYS[1]) == ARGV[1]
if not held then
  local text = redis.pcall('GET', KEYS[2])
  local ok, entry = pcall(cjson.decode, type(text) == 'string' and text or '')
  local lifetime = ok and type(entry) == 'table' and type(entry.value) == 'table' and tonumber(entry.value.lifetimeMs)
  local left = redis.call('PTTL', KEYS[2])
  if lifetime and left >= 0 and lifetime - left <= tonumber(ARGV[4]) then return 0 end
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
if not held then return 0 end
redis.call('DEL', KEYS[1])
return 1`;

/**
 * Lets one replica at a time ask the source for a key, by a lease in Redis. The id of the lease is a fencing token: a replica that has
 * lost its lease replaces nothing that was asked for later, however late its answer is. Without Redis, every replica may ask.
 */
@Injectable()
export class EntryLeaseService {
  private readonly owner = randomUUID();
  private leases = 0;
  private readonly prefix: string;
  private readonly maxWaitMs: number;

  constructor(
    private readonly redis: RedisStore,
    private readonly seal: EntrySealService,
    { redisKeyPrefix, upstreamDeadlineMs }: Config,
  ) {
    this.prefix = redisKeyPrefix;
    this.maxWaitMs = Math.min(MAX_HOLD_MS, upstreamDeadlineMs);
  }

  /**
   * Acquires the lease of a key, or waits for what its holder stores: it polls, with jitter.
   * @param accept gets each new entry of Redis, undefined for one that is not valid, and returns whether it will do
   */
  async acquire(
    key: string,
    accept: (entry: OpenedEntry | undefined) => Promise<boolean>,
  ): Promise<Acquisition> {
    const lease = this.newLease(key);
    const keys = [key, this.leaseKey(key)];
    const startedAt = performance.now();
    let [seen, awaited, polls] = ['', '', 0];
    const end = (outcome: Acquisition['outcome'], failure?: unknown) => ({
      outcome,
      waited: polls > 0,
      lease,
      failure,
    });
    let waitedMs = 0;
    while (waitedMs < this.maxWaitMs) {
      const args = [seen, awaited, lease.id, String(LEASE_MS)];
      const reply = await this.redis.evaluate<ClaimReply>(CLAIM_SCRIPT, keys, args);
      if (!reply) return end('unavailable');
      const [kind, text, leftMs] = reply;
      if (kind === 'acquired') return end('acquired');
      if (kind === 'entry') {
        seen = text;
        if (await accept(this.open(key, text, leftMs))) return end('entry');
      } else if (kind === 'failed') {
        const failure = this.open(failureKey(key, awaited), text, leftMs);
        if (failure) return end('failed', failure.value);
        awaited = '';
      } else {
        polls += 1;
        awaited = text;
        const pauseMs = backoffMs(polls, waitedMs < LATE_POLL.afterMs ? POLL : LATE_POLL);
        await sleep(Math.min(pauseMs, this.maxWaitMs - waitedMs), undefined, { ref: false });
      }
      waitedMs = performance.now() - startedAt;
    }
    return end('overdue');
  }

  /** Takes the lease, also from another holder, whose answer will be older. Redis gets this command before those that follow. */
  take(key: string): Lease {
    const lease = this.newLease(key);
    void this.redis.evaluate(TAKE_SCRIPT, [this.leaseKey(key)], [lease.id, String(LEASE_MS)]);
    return lease;
  }

  /** Renews the lease while the work lasts. */
  async hold<T>({ key, id }: Lease, work: () => Promise<T>): Promise<T> {
    let heldMs = 0;
    const timer = setInterval(() => {
      heldMs += RENEWAL_INTERVAL_MS;
      if (heldMs >= MAX_HOLD_MS) clearInterval(timer);
      void this.redis.evaluate(RENEW_SCRIPT, [this.leaseKey(key)], [id, String(LEASE_MS)]);
    }, RENEWAL_INTERVAL_MS).unref();
    try {
      return await work();
    } finally {
      clearInterval(timer);
    }
  }

  /** Stores an entry, unless the lease is lost and Redis has a newer one, and releases the lease. @param ttlMs until the entry expires */
  async store({ key, id }: Lease, entry: OpenedEntry, ttlMs: number): Promise<LeaseState> {
    if (ttlMs <= 0) return this.release({ key, id });
    const leftMs = toRedisTtl(ttlMs);
    const text = this.close(key, entry, leftMs);
    const newestMs = String(entry.ageMs + AGE_ERROR_MS);
    return this.run(STORE_SCRIPT, [this.leaseKey(key), key], [id, text, String(leftMs), newestMs]);
  }

  /** @param failure what those that wait get, undefined if they had better ask themselves */
  async release({ key, id }: Lease, failure?: unknown): Promise<LeaseState> {
    const keys = [this.leaseKey(key)];
    if (failure === undefined) return this.run(RELEASE_SCRIPT, keys, [id]);
    const text = this.close(failureKey(key, id), { value: failure, ageMs: 0 }, FAILURE_TTL_MS);
    return this.run(FAIL_SCRIPT, keys, [id, text, String(FAILURE_TTL_MS)]);
  }

  private async run(script: string, keys: string[], args: string[]): Promise<LeaseState> {
    const reply = await this.redis.evaluate<0 | 1>(script, keys, args);
    if (reply === undefined) return 'unknown';
    return reply === 1 ? 'held' : 'lost';
  }

  private newLease(key: string): Lease {
    this.leases += 1;
    return { key, id: `${this.owner}:${this.leases}` };
  }

  /** In the hash slot of its entry, which a script on a node of a cluster requires. */
  private leaseKey(key: string): string {
    return `${this.prefix}lease:{${key}}`;
  }

  /** As the cache library stores a value. */
  private close(key: string, entry: OpenedEntry, leftMs: number): string {
    return JSON.stringify({ value: this.seal.seal(key, entry, leftMs) });
  }

  private open(key: string, text: string, leftMs: number): OpenedEntry | undefined {
    try {
      const { value } = JSON.parse(text) as { value?: unknown };
      return this.seal.open(key, value, leftMs);
    } catch {
      return undefined;
    }
  }
}

/** A failure is sealed for the one lease: nobody can store it again. */
function failureKey(key: string, id: string): string {
  return `${key} ${id}`;
}
