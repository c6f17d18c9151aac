import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { isAxiosError } from 'axios';
import type { AxiosInstance } from 'axios';
import { UpstreamError } from './upstream-error.js';

const MAX_ATTEMPTS = 3;
const INITIAL_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 2_000;

const logger = new Logger('Retry');

/**
 * Axios interceptor: sends a call again after a transient failure, three attempts in all and never past its deadline.
 * Only GETs, calls marked `repeatable`, and calls that provably never left are sent again.
 * @param onRetry told of each attempt after the first, and of the failure before it
 */
export function installRetry(client: AxiosInstance, onRetry: (cause: UpstreamError) => void): void {
  client.interceptors.response.use(undefined, async (error: unknown) => {
    if (!isAxiosError(error) || !error.config || !(error.cause instanceof UpstreamError)) throw error;
    const { config, cause } = error;
    const attempt = config.attempt ?? 1;
    const repeatable = config.repeatable ?? config.method?.toLowerCase() === 'get';
    if (!(repeatable || cause.neverSent) || !cause.transient || attempt >= MAX_ATTEMPTS) throw error;

    // Full jitter on top of what the vendor asked for: callers refused together must not come back together.
    const backoffMs = Math.random() * Math.min(MAX_BACKOFF_MS, INITIAL_BACKOFF_MS * 2 ** (attempt - 1));
    const waitMs = (cause.retryAfterSeconds ?? 0) * 1000 + backoffMs;
    if (performance.now() + waitMs >= (config.deadlineAt ?? Infinity)) throw error;
    logger.debug({ msg: 'retrying upstream call', reason: cause.message, attempt, waitMs });
    await delay(waitMs, undefined, { signal: config.signal as AbortSignal });
    onRetry(cause);
    return client.request({ ...config, attempt: attempt + 1 }).catch((laterError: unknown) => {
      // When the breaker opened meanwhile, what the vendor did says more than that we stopped asking.
      throw laterError instanceof UpstreamError && laterError.rejectedLocally ? error : laterError;
    });
  });
}
