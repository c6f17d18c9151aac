import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { redisScope } from '../cache/redis-scope.js';
import { RedisStore } from '../cache/redis-store.js';
import { Config } from '../config/config.js';
import { BreakerRegistry } from './breaker-registry.js';
import type { OperationBreaker } from './operation-breaker.js';

/** However long an upstream asks for: a single wrong response stops an operation for no longer than this. */
const MAX_RETRY_AFTER_MS = 120_000;
const POLL_INTERVAL_MS = 500;
/** A replica blocks for up to this fraction longer, so that not all of them start again at once. */
const JITTER = 0.1;

/**
 * Blocks the calls of an operation for as long as its upstream asked for in `Retry-After`, on all replicas: the one that got the response
 * sets a mark in Redis, and the others look for it twice a second. No call waits for Redis. Without Redis, each process blocks its own.
 * One response may concern a single user: it takes a second one without a success in between, or a circuit breaker that is not closed.
 */
@Injectable()
export class RetryAfterService implements OnModuleDestroy {
  private readonly keyPrefix: string;
  private readonly timer: NodeJS.Timeout | undefined;
  private readonly stretch = 1 + JITTER * Math.random();
  /** Asked for once since the last success or block. */
  private readonly asked = new Set<OperationBreaker>();

  constructor(
    breakers: BreakerRegistry,
    private readonly redis: RedisStore,
    config: Config,
  ) {
    this.keyPrefix = `${config.redisKeyPrefix}retry-after:${redisScope(config)}`;
    breakers.onAttempt(({ breaker, outcome, retryAfterSeconds = 0 }) => {
      if (outcome === 'ok') this.asked.delete(breaker);
      else if (retryAfterSeconds > 0) this.consider(breaker, retryAfterSeconds * 1000);
    });
    if (redis.status === 'not-configured') return;
    this.timer = setInterval(() => {
      for (const breaker of breakers.all()) void this.read(breaker);
    }, POLL_INTERVAL_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private consider(breaker: OperationBreaker, requestedMs: number): void {
    if (breaker.state === 'closed' && !this.asked.has(breaker)) {
      this.asked.add(breaker);
      return;
    }
    const ms = Math.min(requestedMs, MAX_RETRY_AFTER_MS);
    this.block(breaker, ms);
    void this.redis.setMark(this.keyOf(breaker), ms);
  }

  private block(breaker: OperationBreaker, ms: number): void {
    this.asked.delete(breaker);
    breaker.block(ms * this.stretch);
  }

  private async read(breaker: OperationBreaker): Promise<void> {
    const leftMs = (await this.redis.readMark(this.keyOf(breaker))) ?? 0;
    // A mark that lasts longer is not ours, or the clock of Redis was put back.
    if (leftMs > 0 && leftMs <= MAX_RETRY_AFTER_MS) this.block(breaker, leftMs);
  }

  private keyOf({ upstream, operation }: OperationBreaker): string {
    return `${this.keyPrefix}:${upstream}:${operation}`;
  }
}
