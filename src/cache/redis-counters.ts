import type { SharedStore } from './redis-store.js';

/** A counter as it stands. */
export interface Counted {
  readonly total: number;
  /** It begins anew after that. */
  readonly leftMs: number;
}

/** Counters in Redis, shared by all replicas. */
export class RedisCounters {
  constructor(private readonly store: Pick<SharedStore, 'count'> | undefined) {}

  /**
   * Adds to a counter, which lives for so long from its first addition on.
   * @param onLate is called with a reply that comes too late to be returned
   * @returns undefined when there is no Redis, or it is away or late
   */
  async add(
    key: string,
    count: number,
    lifeMs: number,
    onLate: (counted: Counted) => void,
  ): Promise<Counted | undefined> {
    return this.store?.count(key, count, lifeMs, onLate);
  }
}
