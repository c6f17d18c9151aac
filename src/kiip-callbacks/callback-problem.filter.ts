import { Catch } from '@nestjs/common';
import type { ArgumentsHost } from '@nestjs/common';
import { ProblemFilter } from '../problem/problem.filter.js';
import { toProblem } from '../problem/to-problem.js';
import { CallbackCounters } from './callback-counters.js';

/**
 * Answers what a callback meets, and counts those that a user may have earned something by and that are not here: neither in the
 * ledger nor, where one was refused, among those that are kept. Kiip documents no second try.
 */
@Catch()
export class CallbackProblemFilter extends ProblemFilter {
  constructor(private readonly counters: CallbackCounters) {
    super();
  }

  override catch(error: unknown, host: ArgumentsHost): void {
    if (toProblem(error).status >= 500) this.counters.count('failed');
    // Nest's name for it: this is no promise.
    // oxlint-disable-next-line promise/valid-params, promise/no-promise-in-callback
    super.catch(error, host);
  }
}
