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

/** Calls to Kigo that all batches together have under way: single badges keep the rest of the lane. */
const MAX_CONCURRENT = 16;
/** Calls that may wait for their turn, those of ten batches. */
const MAX_QUEUED = 1_000;

export interface CountResult {
  readonly user: ExternalUserDto;
  readonly count: CacheResult<number> | Problem;
}

/** The badges of many users. One user's failure is that user's alone. */
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

  /** A call to Kigo has its deadline from here on, not from when its turn comes: nobody may wait for those before it for ever. */
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
  return new UpstreamError('kigo', 'batch', 'busy', 'too many batches are under way', {
    retryAfterSeconds: 1,
  });
}
