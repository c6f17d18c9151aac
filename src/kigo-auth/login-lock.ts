import { Injectable } from '@nestjs/common';
import { RedisStore } from '../cache/redis-store.js';
import { Config } from '../config/config.js';
import { kigoKeyPrefix } from './kigo-http.js';

/** Lets one replica at a time log in, by a lease in Redis. */
@Injectable()
export class LoginLock {
  private readonly key: string;

  constructor(
    private readonly redis: RedisStore,
    config: Config,
  ) {
    this.key = `${kigoKeyPrefix(config)}:token:v1:login`;
  }

  /**
   * Acquires the right to log in, which ends by itself after `ttlMs`.
   * @returns false while another replica holds it; true also while Redis is unavailable, so that an outage of Redis stops no login
   */
  async acquire(ttlMs: number): Promise<boolean> {
    return (await this.redis.acquireLease(this.key, ttlMs)) !== 'held';
  }

  async release(): Promise<void> {
    await this.redis.releaseLease(this.key);
  }
}
