import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { isAxiosError } from 'axios';
import type { AxiosInstance } from 'axios';
import { backoffMs } from '../async/backoff.js';
import type { AxiosInterceptor } from './axios-interceptor.js';
import { BreakerRegistry } from './breaker-registry.js';
import { RetryBudgetService } from './retry-budget.service.js';
import { UpstreamError } from './upstream-error.js';

const MAX_ATTEMPTS = 3;
const BACKOFF = { initialMs: 100, maxMs: 2_000, jitter: 1 };

/**
 * Sends a call again after a transient failure: three attempts in all, never past the deadline, and within the budget of the upstream.
 * Only GETs, calls marked `repeatable` and calls that provably never left are sent again.
 */
@Injectable()
export class RetryInterceptor implements AxiosInterceptor {
  private readonly logger = new Logger('Retry');

  constructor(
    private readonly breakers: BreakerRegistry,
    /** A login has none: one replica at a time sends it. */
    private readonly budget?: RetryBudgetService,
  ) {}

  install(client: AxiosInstance): void {
    client.interceptors.response.use(undefined, async (error: unknown) => {
      if (!isAxiosError(error) || !error.config || !(error.cause instanceof UpstreamError)) throw error;
      const { config, cause } = error;
      const attempt = config.attempt ?? 1;
      const repeatable = config.repeatable ?? config.method?.toLowerCase() === 'get';
      if (!(repeatable || cause.neverSent) || !cause.transient || attempt >= MAX_ATTEMPTS) throw error;

      const breaker = this.breakers.for(cause.upstream, cause.operation);
      // The backoff is added to Retry-After, so that clients that were rejected together do not come back together.
      const waitMs =
        Math.max((cause.retryAfterSeconds ?? 0) * 1000, breaker.blockedMs) + backoffMs(attempt, BACKOFF);
      const resumeAt = performance.now() + waitMs;
      if (resumeAt >= (config.deadlineAt ?? Infinity)) throw error;
      if (this.budget && !(await this.budget.take(cause))) {
        breaker.recordRefusedRetry();
        throw error;
      }
      this.logger.debug({ msg: 'retrying upstream call', reason: cause.message, attempt, waitMs });
      // The time that Redis took is part of the wait.
      const leftMs = Math.max(0, resumeAt - performance.now());
      await sleep(leftMs, undefined, { signal: config.signal as AbortSignal });
      return client
        .request({ ...config, attempt: attempt + 1, isRetry: true })
        .catch((laterError: unknown) => {
          // When the breaker opened meanwhile, the upstream's own failure says more than our rejection.
          throw laterError instanceof UpstreamError && laterError.rejectedLocally ? error : laterError;
        });
    });
  }
}
