import type { ThrottlerStorage } from '@nestjs/throttler';
import { newLruMap } from '../async/lru-map.js';
import type { RedisStore } from '../cache/redis-store.js';

/** Counts so many callers and addresses; beyond that it drops the least recently used. */
const MAX_TRACKED_CALLERS = 20_000;

export type ThrottlerRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/** The window of one caller, which begins with the caller's first call. A call costs one unit or more. */
interface Window {
  expiresAt: number;
  /** Units that all replicas have reserved, as far as this one knows. */
  reserved: number;
  /** Reserved units that this process has not used yet. */
  localTokens: number;
  pendingReserve?: Promise<void> | undefined;
}

/**
 * Counts calls in fixed windows: in Redis for all replicas, and in this process while Redis is unavailable. It reserves a
 * hundredth of the limit at a time, so that few calls wait for Redis. The storage that comes with @nestjs/throttler counts
 * for one process only, and gets slower the more calls it has counted.
 */
export class RateLimitStorage implements ThrottlerStorage {
  private readonly windows = newLruMap<Window>(MAX_TRACKED_CALLERS);

  /** @param keyPrefix keeps the counters of environments that share a Redis apart */
  constructor(
    private readonly counters: Pick<RedisStore, 'add'>,
    private readonly keyPrefix: string,
  ) {}

  /** Counts one unit: see `take`. */
  increment(key: string, ttl: number, limit: number): Promise<ThrottlerRecord> {
    return this.take(key, ttl, limit, 1);
  }

  /**
   * Counts a call, or blocks it without counting.
   * @param ttl length of a window, ms
   * @param limit units in a window, an integer of at least 1
   * @param units how much the call costs; one that costs more than the limit needs a whole window
   * @returns `totalHits`, at most the limit; times in seconds, rounded up
   */
  async take(key: string, ttl: number, limit: number, units: number): Promise<ThrottlerRecord> {
    const window = this.getWindow(key, ttl);
    const needed = Math.min(units, limit);
    while (window.localTokens < needed && window.reserved < limit) {
      const missing = needed - window.localTokens;
      window.pendingReserve ??= this.reserve(key, window, ttl, limit, missing).finally(
        () => (window.pendingReserve = undefined),
      );
      await window.pendingReserve;
    }
    return use(window, needed, limit);
  }

  /** Counts a call of one unit if that needs no reservation. @returns undefined if it is not counted */
  takeNow(key: string, ttl: number, limit: number): ThrottlerRecord | undefined {
    const window = this.getWindow(key, ttl);
    return window.localTokens >= 1 ? use(window, 1, limit) : undefined;
  }

  private getWindow(key: string, ttl: number): Window {
    const now = performance.now();
    const current = this.windows.get(key);
    if (current && now < current.expiresAt) return current;
    const window = { expiresAt: now + ttl, reserved: 0, localTokens: 0 };
    this.windows.set(key, window);
    return window;
  }

  private async reserve(
    key: string,
    window: Window,
    ttl: number,
    limit: number,
    missing: number,
  ): Promise<void> {
    const amount = Math.max(missing, Math.floor(limit / 100));
    const name = `${this.keyPrefix}:${key}`;
    const counter = await this.counters.add(name, amount, ttl, (late) => {
      // A late reply does not include the calls that this process has counted alone since, and part of its time has passed.
      window.reserved = Math.max(window.reserved, late.total);
      window.expiresAt = Math.min(window.expiresAt, performance.now() + late.remainingMs);
    });
    window.reserved = counter?.total ?? window.reserved + amount;
    // A counter whose time somebody has changed, or whose clock was put back, blocks no caller for longer than a window.
    if (counter) window.expiresAt = performance.now() + Math.min(counter.remainingMs, ttl);
    window.localTokens += Math.max(0, Math.min(amount, limit - (window.reserved - amount)));
  }
}

function use(window: Window, needed: number, limit: number): ThrottlerRecord {
  const isBlocked = window.localTokens < needed;
  if (!isBlocked) window.localTokens -= needed;
  // Rounded: a difference of two clock readings may be longer than the window by the error of a floating-point number.
  const leftMs = Math.round(window.expiresAt - performance.now());
  const timeToExpire = Math.max(1, Math.ceil(leftMs / 1000));
  return {
    totalHits: Math.min(limit, window.reserved) - window.localTokens,
    timeToExpire,
    isBlocked,
    timeToBlockExpire: isBlocked ? timeToExpire : 0,
  };
}
