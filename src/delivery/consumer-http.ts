import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import type { Consumer } from '../config/parsers.js';
import { factsOf } from '../log/error-facts.js';
import { traceHeaders } from '../tracing/span.js';
import { readRetryAfter } from '../upstream/retry-after.js';
import type { SignedEvent } from './webhook-event.js';

/** What one attempt may take, from the connection to the last byte that we read. */
export const attemptMs = 10_000;
/**
 * An answer says all in its status; what else it says is let by, so that the connection can be used again. More than this costs more
 * than a new connection (`npm run bench`, endless bodies).
 */
const longestAnswer = 8 * 1024;

export interface Attempt {
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
      connect: { timeout: attemptMs },
    });
  }

  /** @param stopped ends the attempt before its time. @returns what became of it, also when it failed */
  async send({ body, headers }: SignedEvent, stopped: AbortSignal): Promise<Attempt> {
    const begunAt = performance.now();
    const durationMs = () => Math.round(performance.now() - begunAt);
    const outOfTime = AbortSignal.timeout(attemptMs);
    const signal = AbortSignal.any([outOfTime, stopped]);
    let answer: Dispatcher.ResponseData;
    try {
      answer = await this.pool.request({
        method: 'POST',
        path: this.path,
        headers: { ...headers, ...traceHeaders() },
        body,
        signal,
      });
    } catch (error) {
      const outcome = outOfTime.aborted
        ? 'no answer in time'
        : `no answer (${factsOf(error).code ?? 'unknown'})`;
      return { status: undefined, outcome, durationMs: durationMs(), retryAfterSeconds: undefined };
    }
    const status = answer.statusCode;
    // Longer than that, or too slow: the connection is given up, the status counts.
    await answer.body.dump({ limit: longestAnswer, signal }).catch(() => undefined);
    const { 'retry-after': retryAfter } = answer.headers;
    return {
      status,
      outcome: outcomeOf(status),
      durationMs: durationMs(),
      retryAfterSeconds: readRetryAfter(Array.isArray(retryAfter) ? retryAfter[0] : retryAfter),
    };
  }

  close(): Promise<void> {
    return this.pool.destroy();
  }
}

/** Any 2xx ends a delivery. */
export function isTaken(status: number | null | undefined): boolean {
  return typeof status === 'number' && status >= 200 && status < 300;
}

function outcomeOf(status: number): string {
  if (isTaken(status)) return 'accepted';
  if (status >= 300 && status < 400) return 'a redirect, which is not followed';
  return status === 410 ? 'gone' : 'refused';
}
