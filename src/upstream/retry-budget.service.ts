import { Injectable } from '@nestjs/common';
import { redisScope } from '../cache/redis-scope.js';
import { RedisStore } from '../cache/redis-store.js';
import { Config } from '../config/config.js';
import { BreakerRegistry } from './breaker-registry.js';
import type { Upstream, UpstreamError } from './upstream-error.js';

const WINDOW_MS = 10_000;
/** Retries in a window without any success, so that the few calls of a quiet hour have some. */
const FLOOR = 20;
/** A retry costs this many successes: at most 10 % more calls. */
const RETRY_COST = 10;
const LEAST = -FLOOR * RETRY_COST;
/** Successes that a process adds to the count in Redis at a time. */
const STRIDE = 50;

/** What this process has done in a window. */
interface Window {
  readonly expiresAt: number;
  successes: number;
  /** Successes that are not in Redis yet. */
  unsent: number;
  retries: number;
}

/**
 * Limits the retries to an upstream: in a window of 10 s, all replicas together make no more than a tenth of their successful calls,
 * and 20. They count in Redis; while it is unavailable, each process counts for itself. A success costs no command, every fiftieth
 * one, which nobody waits for. After an attempt that was never sent, each process counts for itself as well: one without a connection
 * leaves the others their budget.
 */
@Injectable()
export class RetryBudgetService {
  private readonly windows = new Map<Upstream, Window>();
  private readonly keyPrefix: string;

  constructor(
    breakers: BreakerRegistry,
    private readonly redis: RedisStore,
    config: Config,
  ) {
    this.keyPrefix = `${config.redisKeyPrefix}retry-budget:${redisScope(config)}`;
    breakers.onAttempt(({ breaker, outcome }) => {
      if (outcome === 'ok') this.addSuccess(breaker.upstream);
    });
  }

  /** @returns whether a call may be sent again. Waits for Redis only. */
  async take({ upstream, neverSent }: UpstreamError): Promise<boolean> {
    const window = this.getWindow(upstream);
    const shared = neverSent ? undefined : await this.takeShared(upstream, window);
    const granted = shared ?? window.successes - (window.retries + 1) * RETRY_COST >= LEAST;
    if (granted) window.retries += 1;
    return granted;
  }

  private takeShared(upstream: Upstream, window: Window): Promise<boolean | undefined> {
    const { unsent } = window;
    window.unsent = 0;
    const options = { least: LEAST, ttlMs: WINDOW_MS };
    return this.redis.addAndTake(this.keyOf(upstream), unsent, RETRY_COST, options);
  }

  private addSuccess(upstream: Upstream): void {
    const window = this.getWindow(upstream);
    window.successes += 1;
    window.unsent += 1;
    if (window.unsent < STRIDE) return;
    window.unsent = 0;
    void this.redis.add(this.keyOf(upstream), STRIDE, WINDOW_MS);
  }

  private getWindow(upstream: Upstream): Window {
    const now = performance.now();
    const current = this.windows.get(upstream);
    if (current && now < current.expiresAt) return current;
    const window = { expiresAt: now + WINDOW_MS, successes: 0, unsent: 0, retries: 0 };
    this.windows.set(upstream, window);
    return window;
  }

  private keyOf(upstream: Upstream): string {
    return `${this.keyPrefix}:${upstream}`;
  }
}
