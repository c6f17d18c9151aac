import { Injectable } from '@nestjs/common';
import { Cache } from '@nestjs/cache-manager';
import type { Keyv } from 'keyv';

/** About 30 years: more than Redis can add to the time of day is an error to it. */
const MAX_TTL_MS = 1e12;

/**
 * The stores behind @nestjs/cache-manager, told apart: memory first, Redis behind it when configured.
 * Neither fails: a Redis that cannot be used is a miss, and writes to it are not waited for.
 */
@Injectable()
export class TieredCache {
  private readonly memory: Keyv;
  private readonly shared: Keyv | undefined;

  constructor(cache: Cache) {
    const [memory, shared] = (cache as unknown as { stores: Keyv[] }).stores;
    this.memory = memory!;
    this.shared = shared;
  }

  readMemory(key: string): Promise<unknown> {
    return this.memory.get<unknown>(key);
  }

  readShared(key: string): Promise<unknown> {
    return this.shared ? this.shared.get<unknown>(key) : Promise.resolve(undefined);
  }

  /** An entry without time left is not kept: to Keyv, 0 is for ever. */
  async writeMemory(key: string, value: unknown, ttlMs: number): Promise<void> {
    if (ttlMs > 0) await this.memory.set(key, value, ttlMs);
  }

  /** Nobody needs to wait for it, but may, to do something after it. */
  async writeShared(key: string, value: unknown, ttlMs: number): Promise<void> {
    // Redis wants whole milliseconds, at least one.
    if (ttlMs > 0) await this.shared?.set(key, value, Math.min(Math.ceil(ttlMs), MAX_TTL_MS));
  }
}
