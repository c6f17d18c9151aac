import { Injectable } from '@nestjs/common';
import { BulkheadRejectedError, bulkhead } from 'cockatiel';
import type { ExternalUserDto } from '../accounts/account.dto.js';
import type { CacheResult } from '../cache/read-through.js';
import { Config } from '../config/config.js';
import { logUnexpected } from '../problem/problem.filter.js';
import { toProblem } from '../problem/to-problem.js';
import type { Problem } from '../problem/problem.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { withTimeout } from '../async/time-limit.js';
import { HubSummaryService } from './hub-summary.service.js';

/** Calls to Kigo that all batches together may have in flight. The other connections are left to single lookups. */
const MAX_CONCURRENT = 16;
/** Calls that may wait: those of ten batches. */
const MAX_QUEUED = 1_000;

export interface CountResult {
  readonly user: ExternalUserDto;
  readonly count: CacheResult<number> | Problem;
}

/** Finds the counts of many users. A failure for one user does not affect the others. */
@Injectable()
export class UnviewedCountsService {
  private readonly limiter = bulkhead(MAX_CONCURRENT, MAX_QUEUED);

  constructor(
    private readonly summaries: HubSummaryService,
    private readonly config: Config,
  ) {}

  /** @returns a result for each user, in order */
  findCounts(users: readonly ExternalUserDto[], noCache: boolean): Promise<CountResult[]> {
    const options = { noCache, limiter: <T>(call: () => Promise<T>) => this.limit(call) };
    return Promise.all(
      users.map(async (user) => {
        try {
          return { user, count: await this.summaries.findCount(user, options) };
        } catch (error) {
          const problem = toProblem(error);
          if (problem.status === 500) logUnexpected(error);
          return { user, count: problem };
        }
      }),
    );
  }

  /** The deadline of a call includes its time in the queue, so that no call waits for ever behind others. */
  private async limit<T>(call: () => Promise<T>): Promise<T> {
    const { upstreamDeadlineMs } = this.config;
    try {
      return await withTimeout(
        upstreamDeadlineMs,
        (signal) => this.limiter.execute(call, signal),
        overloaded,
      );
    } catch (error) {
      throw error instanceof BulkheadRejectedError ? overloaded() : error;
    }
  }
}

function overloaded(): UpstreamError {
  return new UpstreamError('kigo', 'batch', 'busy', 'too many batches in flight', {
    retryAfterSeconds: 1,
  });
}
