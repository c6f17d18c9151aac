import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import type { Consumer } from '../config/parsers.js';
import { summarizeError } from '../log/error-facts.js';
import { traceHeaders } from '../tracing/span.js';
import { parseRetryAfter } from '../upstream/retry-after.js';
import type { SignedEvent } from './webhook-event.js';

/** What one attempt may take, from the connection to the last byte that we read. */
export const ATTEMPT_TIMEOUT_MS = 10_000;
/**
 * An answer says all in its status; what else it says is let by, so that the connection can be used again. More than this costs more
 * than a new connection (`npm run bench`, endless bodies).
 */
const MAX_RESPONSE_BYTES = 8 * 1024;

export interface DeliveryAttempt {
  /** Undefined where there was no answer. */
  readonly status: number | undefined;
  /** A few words of ours: what became of it. */
  readonly outcome: string;
  readonly durationMs: number;
  readonly retryAfterSeconds: number | undefined;
}

/** Sends events to one consumer. Redirects are not followed. */
export class ConsumerHttp {
  private readonly pool: Pool;
  private readonly path: string;

  constructor({ url, concurrency }: Consumer) {
    const { origin, pathname, search } = new URL(url);
    this.path = pathname + search;
    this.pool = new Pool(origin, {
      connections: concurrency,
      allowH2: false,
      // The attempt's own timer bounds all of this.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: ATTEMPT_TIMEOUT_MS },
    });
  }

  /** @param stopped ends the attempt before its time. @returns what became of it, also when it failed */
  async send({ body, headers }: SignedEvent, stopped: AbortSignal): Promise<DeliveryAttempt> {
    const startedAt = performance.now();
    const durationMs = () => Math.round(performance.now() - startedAt);
    const timeout = AbortSignal.timeout(ATTEMPT_TIMEOUT_MS);
    const signal = AbortSignal.any([timeout, stopped]);
    let response: Dispatcher.ResponseData;
    try {
      response = await this.pool.request({
        method: 'POST',
        path: this.path,
        headers: { ...headers, ...traceHeaders() },
        body,
        signal,
      });
    } catch (error) {
      const outcome = timeout.aborted
        ? 'no answer in time'
        : `no answer (${summarizeError(error).code ?? 'unknown'})`;
      return { status: undefined, outcome, durationMs: durationMs(), retryAfterSeconds: undefined };
    }
    const status = response.statusCode;
    // Longer than that, or too slow: the connection is given up, the status counts.
    await response.body.dump({ limit: MAX_RESPONSE_BYTES, signal }).catch(() => undefined);
    const { 'retry-after': retryAfter } = response.headers;
    return {
      status,
      outcome: describeOutcome(status),
      durationMs: durationMs(),
      retryAfterSeconds: parseRetryAfter(Array.isArray(retryAfter) ? retryAfter[0] : retryAfter),
    };
  }

  close(): Promise<void> {
    return this.pool.destroy();
  }
}

/** Any 2xx ends a delivery. */
export function isSuccess(status: number | null | undefined): boolean {
  return typeof status === 'number' && status >= 200 && status < 300;
}

function describeOutcome(status: number): string {
  if (isSuccess(status)) return 'accepted';
  if (status >= 300 && status < 400) return 'a redirect, which is not followed';
  return status === 410 ? 'gone' : 'refused';
}
