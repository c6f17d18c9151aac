import { Injectable } from '@nestjs/common';
import type { ExternalUserDto } from '../accounts/account.dto.js';
import { AnswerCounters } from '../accounts/answer-counters.js';
import type { LookupOptions } from '../accounts/accounts.service.js';
import type { CacheResult } from '../cache/cache-entry.js';
import { Config } from '../config/config.js';
import { logUnexpected } from '../problem/problem.filter.js';
import { toProblem } from '../problem/to-problem.js';
import type { Problem } from '../problem/problem.js';
import { BulkheadFullError, FairBulkhead } from '../async/fair-bulkhead.js';
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
  private readonly limiter = new FairBulkhead(MAX_CONCURRENT, MAX_QUEUED);

  constructor(
    private readonly summaries: HubSummaryService,
    private readonly config: Config,
    private readonly answers: AnswerCounters,
  ) {}

  /**
   * Asks for each user once, however often the list names him.
   * @param caller takes turns with the other callers
   * @returns a result for each user, in order
   */
  findCounts(
    users: readonly ExternalUserDto[],
    noCache: boolean,
    caller: string | undefined,
  ): Promise<CountResult[]> {
    const limiter = <T>(call: () => Promise<T>) => this.limit(caller ?? '', call);
    const counts = new Map<string, Promise<CountResult['count']>>();
    return Promise.all(
      users.map(async (user) => {
        const key = JSON.stringify([user.external_user_id, user.external_program_id]);
        const count = counts.get(key) ?? this.findCount(user, { noCache, caller, limiter });
        counts.set(key, count);
        return { user, count: await count };
      }),
    );
  }

  private async findCount(user: ExternalUserDto, options: LookupOptions): Promise<CountResult['count']> {
    try {
      return await this.answers.count('unviewed-counts', this.summaries.findCount(user, options));
    } catch (error) {
      const problem = toProblem(error);
      if (problem.status === 500) logUnexpected(error);
      return problem;
    }
  }

  /**
   * Limits the concurrency of all batches. The deadline of a call includes its time in the queue, so that no call waits for ever
   * behind others.
   * @throws UpstreamError `busy`, or what the call throws
   */
  async limit<T>(caller: string, call: () => Promise<T>): Promise<T> {
    const { upstreamDeadlineMs } = this.config;
    try {
      return await withTimeout(
        upstreamDeadlineMs,
        (signal) => this.limiter.execute(caller, call, signal),
        overloaded,
      );
    } catch (error) {
      throw error instanceof BulkheadFullError ? overloaded() : error;
    }
  }
}

export function overloaded(): UpstreamError {
  return new UpstreamError('kigo', 'batch', 'busy', 'too many batches in flight', {
    retryAfterSeconds: 1,
  });
}
