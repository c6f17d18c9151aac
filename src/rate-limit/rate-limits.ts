import { Injectable } from '@nestjs/common';
import QuickLRU from 'quick-lru';
import { RedisCounters } from '../cache/redis-counters.js';

export const windowSeconds = 60;

/** Between this many and twice as many callers and addresses are counted; beyond, the idlest are forgotten. */
const remembered = 10_000;

export interface Verdict {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Until the next window. */
  readonly resetSeconds: number;
}

/** One minute of one caller; it begins with the caller's first call. */
interface Window {
  endsAt: number;
  /** Calls that were taken out of the limit: those of the whole fleet, as far as Redis tells. */
  taken: number;
  /** Of these, the ones that this process has not used yet. */
  inStock: number;
  restocking?: Promise<void> | undefined;
}

/**
 * Counts calls in fixed windows of a minute, in Redis for the whole fleet, and by itself while Redis is away. It takes calls
 * out of the common limit a hundredth at a time: a call need not wait for Redis, except now and then, or near the end.
 */
@Injectable()
export class RateLimits {
  private readonly windows = new QuickLRU<string, Window>({ maxSize: remembered });

  constructor(private readonly counters: RedisCounters) {}

  /** @param limit calls a minute, a whole number from 1 */
  async take(key: string, limit: number): Promise<Verdict> {
    const window = this.windowOf(key);
    while (window.inStock === 0 && window.taken < limit) {
      window.restocking ??= this.restock(key, window, limit).finally(() => (window.restocking = undefined));
      await window.restocking;
    }
    const allowed = window.inStock > 0;
    if (allowed) window.inStock -= 1;
    return {
      allowed,
      remaining: Math.max(0, limit - window.taken) + window.inStock,
      resetSeconds: Math.max(1, Math.ceil((window.endsAt - Date.now()) / 1000)),
    };
  }

  private windowOf(key: string): Window {
    const now = Date.now();
    const known = this.windows.get(key);
    if (known && now < known.endsAt) return known;
    const window = { endsAt: now + windowSeconds * 1000, taken: 0, inStock: 0 };
    this.windows.set(key, window);
    return window;
  }

  private async restock(key: string, window: Window, limit: number): Promise<void> {
    const wanted = Math.max(1, Math.floor(limit / 100));
    const counted = await this.counters.add(`rewards-gateway:rate:${key}`, wanted, windowSeconds * 1000);
    window.taken = counted?.total ?? window.taken + wanted;
    if (counted) window.endsAt = Date.now() + counted.leftMs;
    window.inStock = Math.max(0, Math.min(wanted, limit - (window.taken - wanted)));
  }
}
