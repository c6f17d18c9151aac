import { randomUUID } from 'node:crypto';
import type { SharedStore } from './redis-store.js';

/** Rights that one process of the fleet has at a time, kept in Redis. */
export class RedisLeases {
  private readonly owner = randomUUID();

  constructor(private readonly store: Pick<SharedStore, 'take' | 'giveBack'> | undefined) {}

  /**
   * Takes a right, which ends by itself after that time.
   * @returns `held` while another process has it; undefined when there is no Redis, or it is away or late
   */
  async take(key: string, lifeMs: number): Promise<'taken' | 'held' | undefined> {
    return this.store?.take(key, this.owner, lifeMs);
  }

  /** Ends it early, unless it has ended already and is another's now. */
  async giveBack(key: string): Promise<void> {
    await this.store?.giveBack(key, this.owner);
  }
}
