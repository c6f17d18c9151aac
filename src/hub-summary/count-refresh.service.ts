import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import type { ExternalUserDto } from '../accounts/account.dto.js';
import { RedisStore } from '../cache/redis-store.js';
import { logUnexpected } from '../problem/problem.filter.js';
import { isUpstreamError } from '../upstream/upstream-error.js';
import { HubSummaryService } from './hub-summary.service.js';
import { UnviewedCountsService, overloaded } from './unviewed-counts.service.js';

/** How often all replicas together refresh one user. */
const INTERVAL_MS = 5_000;
/** A little longer, so that a lease of our own has expired. */
const PAUSE_MS = INTERVAL_MS + 100;
/** Users that this process remembers for the interval. */
const MAX_USERS = 10_000;

interface Refresh {
  /** The last call that Kigo has not been asked for since, by `performance.now()`. */
  requestedAt: number | undefined;
}

/**
 * Asks Kigo for the counts of users in the background. A call within the interval is not lost: the count may have changed again, so it is
 * asked for once more when the interval is over.
 */
@Injectable()
export class CountRefreshService implements BeforeApplicationShutdown {
  private readonly refreshes = new Map<string, Refresh>();
  private readonly logger = new Logger(CountRefreshService.name);
  private readonly end = new AbortController();

  constructor(
    private readonly summaries: HubSummaryService,
    private readonly counts: UnviewedCountsService,
    private readonly redis: RedisStore,
  ) {}

  /** What waits is lost: Kigo and Redis are not asked from now on. */
  beforeApplicationShutdown(): void {
    this.end.abort();
  }

  /**
   * @param caller takes turns with the other callers
   * @returns the number of different users
   * @throws UpstreamError `busy` when too many users wait; then none is accepted
   */
  accept(users: readonly ExternalUserDto[], caller: string | undefined): number {
    const byKey = new Map(users.map((user) => [this.summaries.refreshKey(user), user]));
    if (this.refreshes.size + byKey.size > MAX_USERS) throw overloaded();
    for (const [key, user] of byKey) {
      const refresh = this.refreshes.get(key);
      if (refresh) refresh.requestedAt = performance.now();
      else void this.run(key, user, caller);
    }
    return byKey.size;
  }

  private async run(key: string, user: ExternalUserDto, caller: string | undefined): Promise<void> {
    const refresh: Refresh = { requestedAt: performance.now() };
    this.refreshes.set(key, refresh);
    const work = () => this.refreshOnce(key, refresh, user, caller);
    const { signal } = this.end;
    while (refresh.requestedAt !== undefined && !signal.aborted) {
      await this.counts.limit(caller ?? '', work).catch((error: unknown) => this.log(error));
      await sleep(PAUSE_MS, undefined, { ref: false, signal }).catch(() => undefined);
    }
    this.refreshes.delete(key);
  }

  /** Asks Kigo, unless another replica has done so within the interval. */
  private async refreshOnce(
    key: string,
    refresh: Refresh,
    user: ExternalUserDto,
    caller: string | undefined,
  ): Promise<void> {
    const lease = await this.redis.acquireLease(key, INTERVAL_MS);
    if (lease !== 'held') {
      refresh.requestedAt = undefined;
      await this.summaries.refreshCount(user, caller);
    } else if (refresh.requestedAt! <= performance.now() - INTERVAL_MS) {
      // No lease is that old, so the other replica has asked after the last call.
      refresh.requestedAt = undefined;
    }
  }

  /** A failed refresh leaves the cached count as it is. */
  private log(error: unknown): void {
    if (!isUpstreamError(error)) return logUnexpected(error);
    this.logger.debug({ msg: 'count refresh failed', reason: error.message });
  }
}
