import type { SharedStore } from './redis-store.js';

/** What health checks may know of Redis. */
export class RedisState {
  constructor(private readonly redis: SharedStore['redis'] | undefined) {}

  get current(): 'up' | 'down' | 'not-configured' {
    return this.redis?.state ?? 'not-configured';
  }

  /** When it last answered in time. */
  get lastSuccessAt(): Date | undefined {
    return this.redis?.lastSuccessAt;
  }
}
