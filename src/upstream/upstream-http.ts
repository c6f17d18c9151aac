import { setTimeout as sleep } from 'node:timers/promises';
import { HttpService } from '@nestjs/axios';
import { SpanKind } from '@opentelemetry/api';
import type { Attributes } from '@opentelemetry/api';
import { create } from 'axios';
import type { AxiosRequestConfig, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { ClassConstructor } from 'class-transformer';
import type { Dispatcher } from 'undici';
import type { ProxySettings } from '../config/proxy.js';
import { withTimeout } from '../async/time-limit.js';
import { serverAttributes, withSpan } from '../tracing/span.js';
import type { AxiosInterceptor } from './axios-interceptor.js';
import type { BreakerRegistry, UpstreamAttempt } from './breaker-registry.js';
import { BulkheadFullError, FairBulkhead } from '../async/fair-bulkhead.js';
import { DeadlineInterceptor } from './deadline.interceptor.js';
import { OutcomeInterceptor } from './outcome.interceptor.js';
import { directRequest } from './direct-request.js';
import { createDispatcher } from './outgoing.js';
import { parseResponse } from './parse-response.js';
import type { Reviver } from './parse-response.js';
import { TrackedBody } from './tracked-body.js';
import { sendThroughUndici, toAxiosError, toTarget } from './undici-adapter.js';
import type { Target } from './undici-adapter.js';
import { findUpstreamCause, UpstreamError } from './upstream-error.js';
import type { Upstream } from './upstream-error.js';

declare module 'axios' {
  interface AxiosRequestConfig {
    /** What the call does, in the upstream's terms. Each operation has its own breaker. */
    operation?: string;
    /** Whose call it is: callers have equal shares of the connections. */
    caller?: string | undefined;
    /** The call may be sent again although it is not a GET. */
    repeatable?: boolean;
    /** When all attempts of the call end, by `performance.now()`, so that a change of the system clock ends no call. */
    deadlineAt?: number;
    /** 1 for the first attempt. Set by the retry interceptor. */
    attempt?: number;
    /** Set by the retry interceptor, and unset where the call is sent again for another reason. */
    isRetry?: boolean;
  }
  interface InternalAxiosRequestConfig {
    /** UpstreamHttp has a default. */
    operation: string;
    /** Set by the deadline interceptor, before any other runs. */
    deadlineAt: number;
  }
}

export interface UpstreamOptions {
  readonly breakers: BreakerRegistry;
  readonly upstream: Upstream;
  readonly baseUrl: string;
  readonly proxy?: ProxySettings;
  /** The time limit of one attempt. */
  readonly timeoutMs: number;
  /** The time limit of all attempts of one call together. */
  readonly deadlineMs: number;
  /** Their breakers are reported from the start, before the first call. */
  readonly operations: readonly string[];
  /** The limit of calls in flight, and the number of connections that are kept alive. */
  readonly concurrency: number;
  /** The limit of calls that wait for their turn. Beyond it, the caller who has most of them loses one. */
  readonly queue: number;
  /** From the innermost, next to the network, to the outermost. */
  readonly interceptors: readonly AxiosInterceptor[];
}

const CONNECT_TIMEOUT_MS = 10_000;
const BLOCK_JITTER_MS = 100;
/** A call waits for the end of a block that is this near: that of 1 s, the shortest that an upstream can ask for, with all jitter. */
const MAX_BLOCK_WAIT_MS = 1_200;
const DEFAULTS = {
  operation: 'call',
  validateStatus: (status: number) => status >= 200 && status < 300,
};
/** A call is not sent with less time left than this, after it has waited for its turn. */
const MIN_EXCHANGE_MS = 10;

/**
 * An axios instance for one upstream: keep-alive pool, bulkhead, one breaker per operation, interceptors, one deadline.
 * Use `axiosRef.request` or `postJson`. Every failure is an UpstreamError. `validateStatus` decides which statuses are successes (default: 2xx).
 */
export class UpstreamHttp extends HttpService {
  private readonly dispatcher: Dispatcher;
  private readonly bulkhead: FairBulkhead;
  private readonly server: Attributes;
  private readonly target: Target;

  constructor(private readonly options: UpstreamOptions) {
    super(create(DEFAULTS));
    const { breakers, upstream, operations, concurrency, queue, deadlineMs } = options;
    this.dispatcher = createDispatcher(options.baseUrl, options.proxy ?? {}, {
      connections: concurrency,
      // Over HTTP/2, undici itself would send requests again that a server refused. Only the retry interceptor decides that.
      allowH2: false,
      // The time limit of the attempt covers these. Undici's own timers are coarse.
      headersTimeout: 0,
      bodyTimeout: 0,
      // A connection may outlive the attempt that asked for it, and serve the next one.
      connect: { timeout: CONNECT_TIMEOUT_MS },
    });
    this.bulkhead = new FairBulkhead(concurrency, queue);
    this.server = serverAttributes(options.baseUrl);
    this.target = toTarget(options.baseUrl);
    for (const operation of operations) breakers.for(upstream, operation);
    const adapter = (config: InternalAxiosRequestConfig) => this.sendAttempt(config);
    // The other methods of axios, which nothing here calls, use it as well.
    this.axiosRef.defaults.adapter = adapter;
    this.axiosRef.request = directRequest(this.axiosRef, DEFAULTS, adapter);
    // Response interceptors run first to last: the outcome is recorded after the last retry. Request interceptors run last to first:
    // the deadline is set before anything may wait.
    const interceptors = [
      ...options.interceptors,
      new OutcomeInterceptor(breakers, upstream),
      new DeadlineInterceptor(deadlineMs),
    ];
    for (const interceptor of interceptors) interceptor.install(this.axiosRef);
  }

  /** Posts an object as JSON. */
  postJson(
    url: string,
    body: object,
    config: AxiosRequestConfig<string>,
  ): Promise<AxiosResponse<string, string>> {
    return this.axiosRef.request({
      ...config,
      method: 'post',
      url,
      data: JSON.stringify(body),
    });
  }

  /**
   * Parses a response body and records whether it is valid.
   * @throws UpstreamError `invalid_response`
   */
  parse<T extends object>(type: ClassConstructor<T>, response: AxiosResponse<string>, reviver?: Reviver): T {
    const { operation } = response.config;
    const { upstream } = this.options;
    return this.trackOutcome(operation, () =>
      parseResponse(type, response.data, { upstream, operation, reviver }),
    );
  }

  /** Records whether a response can be used: `work` reads it, and throws an UpstreamError if it cannot. */
  trackOutcome<T>(operation: string, work: () => T): T {
    const breaker = this.options.breakers.for(this.options.upstream, operation);
    try {
      const result = work();
      breaker.recordSuccess();
      return result;
    } catch (error) {
      if (error instanceof UpstreamError) breaker.recordFailure(error);
      throw error;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async sendAttempt(config: InternalAxiosRequestConfig): Promise<AxiosResponse> {
    const { breakers, upstream } = this.options;
    const startedAt = performance.now();
    const record = (
      outcome: UpstreamAttempt['outcome'],
      status: number | undefined,
      retryAfterSeconds?: number,
    ) =>
      breakers.recordAttempt({
        breaker: breakers.for(upstream, config.operation),
        outcome,
        status,
        durationMs: performance.now() - startedAt,
        isRetry: config.isRetry ?? false,
        retryAfterSeconds,
      });
    try {
      const response = await this.send(config);
      record('ok', response.status);
      return response;
    } catch (error) {
      const cause = findUpstreamCause(error);
      if (cause?.rejectedLocally) record('short_circuited', undefined);
      else if (cause)
        record(cause.failure, cause.status, cause.failure === 'busy' ? cause.retryAfterSeconds : undefined);
      throw error;
    }
  }

  private exchange(
    config: InternalAxiosRequestConfig,
    body: TrackedBody,
    signal: AbortSignal,
  ): Promise<AxiosResponse<string>> {
    const { upstream } = this.options;
    const { method = 'get', attempt = 1, operation } = config;
    const attributes = {
      ...this.server,
      'http.request.method': method.toUpperCase(),
      ...(attempt > 1 && { 'http.request.resend_count': attempt - 1 }),
    };
    const span = {
      kind: SpanKind.CLIENT,
      attributes,
      describeError: (error: unknown) =>
        signal.aborted ? { 'error.type': 'timeout' } : describeFailure(error),
    };
    return withSpan(`${upstream} ${operation}`, span, async (current) => {
      const response = await sendThroughUndici(this.dispatcher, this.target, upstream, config, body, signal);
      current.setAttribute('http.response.status_code', response.status);
      return response;
    });
  }

  private async send(config: InternalAxiosRequestConfig): Promise<AxiosResponse> {
    const { breakers, upstream, timeoutMs } = this.options;
    const { operation } = config;
    const data = config.data as unknown;
    if (data !== undefined && typeof data !== 'string') throw new TypeError('a body is sent by postJson');
    const body = new TrackedBody(data);
    const breaker = breakers.for(upstream, operation);
    const waitMs = breaker.blockedMs + BLOCK_JITTER_MS * Math.random();
    if (breaker.blockedMs > 0 && waitMs < Math.min(MAX_BLOCK_WAIT_MS, config.deadlineAt - performance.now()))
      await sleep(waitMs, undefined, { signal: config.signal as AbortSignal });
    const remainingMs = Math.min(timeoutMs, config.deadlineAt - performance.now());
    const overdue = () =>
      toAxiosError(
        config,
        new UpstreamError(upstream, operation, 'timeout', 'no complete response in time', {
          // The signal was sent before this runs: a request that is not sent by now never will be.
          neverSent: !body.sent,
        }),
      );
    if (remainingMs <= 0) throw overdue();
    const endsAt = performance.now() + remainingMs;
    const exchange = (signal: AbortSignal) => {
      // Its turn came too late for a response. Once sent, it might be processed, and could not be repeated.
      if (endsAt - performance.now() < MIN_EXCHANGE_MS) throw overdue();
      return this.exchange(config, body, signal);
    };
    try {
      return await breaker.execute(() =>
        withTimeout(
          remainingMs,
          // The signal also removes a call that still waits in the bulkhead.
          (signal) => this.bulkhead.execute(config.caller ?? '', async () => exchange(signal), signal),
          overdue,
        ),
      );
    } catch (error) {
      if (error instanceof UpstreamError) throw toAxiosError(config, error);
      if (!(error instanceof BulkheadFullError)) throw error;
      const details = { retryAfterSeconds: 1 };
      throw toAxiosError(
        config,
        new UpstreamError(upstream, operation, 'busy', 'too many calls in flight', details),
      );
    }
  }
}

/** The status of a response, or the kind of the failure. */
function describeFailure(error: unknown): Attributes {
  const { status, failure = 'unknown' } = findUpstreamCause(error) ?? {};
  if (status === undefined) return { 'error.type': failure };
  return { 'http.response.status_code': status, 'error.type': String(status) };
}
