import { Catch } from '@nestjs/common';
import type { ArgumentsHost } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ProblemFilter } from '../problem/problem.filter.js';
import { toProblem } from '../problem/to-problem.js';
import { CallbackCounters } from './callback-counters.js';

/**
 * Counts the callbacks that fail with a 5xx status. They are stored nowhere, neither in the ledger nor among the
 * rejected callbacks, and Kiip documents no retry: a user may lose a reward.
 */
@Catch()
export class CallbackProblemFilter extends ProblemFilter {
  constructor(private readonly counters: CallbackCounters) {
    super();
  }

  override catch(error: unknown, host: ArgumentsHost): void {
    if (toProblem(error).status >= 500) {
      this.counters.countOutcome('failed');
      host.switchToHttp().getRequest<FastifyRequest>().isCallbackCounted = true;
    }
    // This `catch` is the method of a NestJS exception filter, not of a promise.
    // oxlint-disable-next-line promise/valid-params, promise/no-promise-in-callback
    super.catch(error, host);
  }
}
