import { Injectable } from '@nestjs/common';
import { BulkheadRejectedError, bulkhead } from 'cockatiel';
import type { ExternalUser } from '../accounts/account.dto.js';
import type { Lookup } from '../cache/read-through.js';
import { Config } from '../config/config.js';
import { logUnexpected } from '../problem/problem.filter.js';
import { toProblem } from '../problem/to-problem.js';
import type { Problem } from '../problem/problem.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { within } from '../async/time-limit.js';
import { HubSummaryService } from './hub-summary.service.js';

/** Calls to Kigo that all batches together have under way: single badges keep the rest of the lane. */
const callsAtOnce = 16;
/** Calls that may wait for their turn, those of ten batches. */
const callsWaiting = 1_000;

export interface CountResult {
  readonly user: ExternalUser;
  readonly count: Lookup<number> | Problem;
}

/** The badges of many users. One user's failure is that user's alone. */
@Injectable()
export class UnviewedCountsService {
  private readonly places = bulkhead(callsAtOnce, callsWaiting);

  constructor(
    private readonly summaries: HubSummaryService,
    private readonly config: Config,
  ) {}

  /** @returns a result for each user, in order */
  countForAll(users: readonly ExternalUser[], noCache: boolean): Promise<CountResult[]> {
    const options = { noCache, lane: <T>(call: () => Promise<T>) => this.wait(call) };
    return Promise.all(
      users.map(async (user) => {
        try {
          return { user, count: await this.summaries.countFor(user, options) };
        } catch (error) {
          const problem = toProblem(error);
          if (problem.status === 500) logUnexpected(error);
          return { user, count: problem };
        }
      }),
    );
  }

  /** A call to Kigo has its deadline from here on, not from when its turn comes: nobody may wait for those before it for ever. */
  private async wait<T>(call: () => Promise<T>): Promise<T> {
    const { upstreamDeadlineMs } = this.config;
    try {
      return await within(upstreamDeadlineMs, (signal) => this.places.execute(call, signal), busy);
    } catch (error) {
      throw error instanceof BulkheadRejectedError ? busy() : error;
    }
  }
}

function busy(): UpstreamError {
  return new UpstreamError('kigo', 'batch', 'busy', 'too many batches are under way', {
    retryAfterSeconds: 1,
  });
}
