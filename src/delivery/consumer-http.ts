import type { Attributes } from '@opentelemetry/api';
import type { Dispatcher } from 'undici';
import type { Consumer } from '../config/parsers.js';
import { summarizeError } from '../log/error-summary.js';
import { serverAttributes, traceHeaders } from '../tracing/span.js';
import { parseRetryAfter } from '../upstream/retry-after.js';
import { createDispatcher } from '../upstream/outgoing.js';
import type { ProxySettings } from '../config/proxy.js';
import type { SignedEvent } from './webhook-event.js';

/** Limits one attempt, from connecting to the last byte that is read. */
export const ATTEMPT_TIMEOUT_MS = 10_000;
/**
 * Only the status of a response counts. Its body is read and dropped, so that the connection can be reused. Reading more than this
 * costs more than a new connection (`npm run bench`, endless bodies).
 */
const MAX_RESPONSE_BYTES = 8 * 1024;

export interface DeliveryAttempt {
  /** Undefined without a response. */
  readonly status: number | undefined;
  /** A short description of the result. */
  readonly outcome: string;
  readonly durationMs: number;
  readonly retryAfterSeconds: number | undefined;
}

/** Sends events to one consumer. It follows no redirects. */
export class ConsumerHttp {
  /** Attributes of a span. */
  readonly server: Attributes;
  private readonly dispatcher: Dispatcher;
  private readonly origin: string;
  private readonly path: string;

  constructor({ url, concurrency }: Consumer, proxy: ProxySettings) {
    const { origin, pathname, search } = new URL(url);
    this.path = pathname + search;
    this.origin = origin;
    this.server = serverAttributes(url);
    this.dispatcher = createDispatcher(url, proxy, {
      connections: concurrency,
      allowH2: false,
      // The timeout of the attempt covers these phases.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: ATTEMPT_TIMEOUT_MS },
    });
  }

  /** @param abortSignal ends the attempt early. @returns the result, also of a failed attempt */
  async send({ body, headers }: SignedEvent, abortSignal?: AbortSignal): Promise<DeliveryAttempt> {
    const startedAt = performance.now();
    const durationMs = () => Math.round(performance.now() - startedAt);
    const timeout = AbortSignal.timeout(ATTEMPT_TIMEOUT_MS);
    const signal = abortSignal ? AbortSignal.any([timeout, abortSignal]) : timeout;
    let response: Dispatcher.ResponseData;
    try {
      response = await this.dispatcher.request({
        origin: this.origin,
        method: 'POST',
        path: this.path,
        headers: { ...headers, ...traceHeaders() },
        body,
        signal,
      });
    } catch (error) {
      const outcome = timeout.aborted
        ? 'no response in time'
        : `no response (${summarizeError(error).code ?? 'unknown'})`;
      return { status: undefined, outcome, durationMs: durationMs(), retryAfterSeconds: undefined };
    }
    const status = response.statusCode;
    // If the body is longer or too slow, the connection is closed; the status counts.
    await response.body.dump({ limit: MAX_RESPONSE_BYTES, signal }).catch(() => undefined);
    const { 'retry-after': retryAfter, date } = response.headers;
    return {
      status,
      outcome: describeOutcome(status),
      durationMs: durationMs(),
      retryAfterSeconds: parseRetryAfter([retryAfter].flat()[0], [date].flat()[0]),
    };
  }

  close(): Promise<void> {
    return this.dispatcher.destroy();
  }
}

/** Any 2xx status completes a delivery. */
export function isSuccess(status: number | null | undefined): boolean {
  return typeof status === 'number' && status >= 200 && status < 300;
}

function describeOutcome(status: number): string {
  if (isSuccess(status)) return 'accepted';
  if (status >= 300 && status < 400) return 'redirect not followed';
  return status === 410 ? 'gone' : 'rejected';
}
