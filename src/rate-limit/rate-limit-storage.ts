import type { ThrottlerStorage } from '@nestjs/throttler';
import QuickLRU from 'quick-lru';
import type { RedisCounters } from '../cache/redis-counters.js';

/** Between this many and twice as many callers and addresses are counted; beyond, the idlest are forgotten. */
const remembered = 10_000;

type Counted = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/** Some time of one caller; it begins with the caller's first call. */
interface Window {
  endsAt: number;
  /** Calls that were taken out of the limit: those of the whole fleet, as far as Redis tells. */
  taken: number;
  /** Of these, the ones that this process has not used yet. */
  inStock: number;
  restocking?: Promise<void> | undefined;
}

/**
 * Counts calls in fixed windows, in Redis for the whole fleet, and by itself while Redis is away. It takes calls out of the
 * common limit a hundredth at a time: a call need not wait for Redis, except now and then, or near the end.
 * Throttler's own storage is of one process, and takes longer the more calls it has counted.
 */
export class RateLimitStorage implements ThrottlerStorage {
  private readonly windows = new QuickLRU<string, Window>({ maxSize: remembered });

  constructor(private readonly counters: RedisCounters) {}

  /**
   * Counts one call.
   * @param ttl how long a window is, ms
   * @param limit calls in a window, a whole number from 1
   * @returns `totalHits`, never above the limit; the times in seconds, rounded up
   */
  async increment(key: string, ttl: number, limit: number): Promise<Counted> {
    const window = this.windowOf(key, ttl);
    while (window.inStock === 0 && window.taken < limit) {
      window.restocking ??= this.restock(key, window, ttl, limit).finally(
        () => (window.restocking = undefined),
      );
      await window.restocking;
    }
    const isBlocked = window.inStock === 0;
    if (!isBlocked) window.inStock -= 1;
    const timeToExpire = Math.max(1, Math.ceil((window.endsAt - Date.now()) / 1000));
    return {
      totalHits: Math.min(limit, window.taken) - window.inStock,
      timeToExpire,
      isBlocked,
      timeToBlockExpire: isBlocked ? timeToExpire : 0,
    };
  }

  private windowOf(key: string, ttl: number): Window {
    const now = Date.now();
    const known = this.windows.get(key);
    if (known && now < known.endsAt) return known;
    const window = { endsAt: now + ttl, taken: 0, inStock: 0 };
    this.windows.set(key, window);
    return window;
  }

  private async restock(key: string, window: Window, ttl: number, limit: number): Promise<void> {
    const wanted = Math.max(1, Math.floor(limit / 100));
    const counted = await this.counters.add(`rewards-gateway:rate:${key}`, wanted, ttl, (late) => {
      // A late reply leaves out the calls that were counted without Redis since, and some of its time has passed already.
      window.taken = Math.max(window.taken, late.total);
      window.endsAt = Math.min(window.endsAt, Date.now() + late.leftMs);
    });
    window.taken = counted?.total ?? window.taken + wanted;
    if (counted) window.endsAt = Date.now() + counted.leftMs;
    window.inStock = Math.max(0, Math.min(wanted, limit - (window.taken - wanted)));
  }
}
