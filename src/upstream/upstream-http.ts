import { HttpService } from '@nestjs/axios';
import { create } from 'axios';
import type { AxiosInstance, AxiosRequestConfig, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { ClassConstructor } from 'class-transformer';
import { BulkheadRejectedError, bulkhead } from 'cockatiel';
import { Pool } from 'undici';
import type { OperationBreaker } from './operation-breaker.js';
import type { BreakerRegistry, UpstreamAttempt } from './breaker-registry.js';
import { SpanKind } from '@opentelemetry/api';
import { withSpan } from '../tracing/span.js';
import { TrackedBody } from './tracked-body.js';
import { parseResponse } from './parse-response.js';
import type { Reviver } from './parse-response.js';
import { installRetry } from './retry.interceptor.js';
import { toAxiosError, sendThroughUndici } from './undici-adapter.js';
import { findUpstreamCause, UpstreamError } from './upstream-error.js';
import type { Upstream } from './upstream-error.js';
import { withTimeout } from '../async/time-limit.js';

declare module 'axios' {
  interface AxiosRequestConfig {
    /** What the call does, in the vendor's terms: each operation has a breaker of its own. */
    operation?: string;
    /** May be sent again although it is not a GET. */
    repeatable?: boolean;
    /** When all attempts of this call end, by `performance.now()`: a clock that is put right must not end calls. Set by UpstreamHttp. */
    deadlineAt?: number;
    /** 1 at first. Set by the retry interceptor. */
    attempt?: number;
  }
}

export interface UpstreamOptions {
  readonly breakers: BreakerRegistry;
  readonly upstream: Upstream;
  readonly baseUrl: string;
  /** One attempt. */
  readonly timeoutMs: number;
  /** All attempts of one call. */
  readonly deadlineMs: number;
  /** What it is used for: the breakers are there, and can be looked at, before the first call. */
  readonly operations: readonly string[];
  /** Calls in flight at once; as many connections are kept alive. */
  readonly concurrency: number;
  /** Calls that may wait for a place; beyond, they are refused. */
  readonly queue: number;
  /** Axios interceptors of the vendor's own, put inside the retries. */
  readonly install?: (client: AxiosInstance) => void;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * An axios instance for one lane to one vendor: keep-alive pool, bulkhead, breaker per operation, retries, one deadline.
 * Use `axiosRef`; every failure is an UpstreamError. `validateStatus` says which statuses are answers (2xx if not given).
 */
export class UpstreamHttp extends HttpService {
  private readonly pool: Pool;
  private readonly bulkhead: ReturnType<typeof bulkhead>;

  constructor(private readonly options: UpstreamOptions) {
    super(
      create({
        baseURL: options.baseUrl,
        headers: { Accept: 'application/json', 'User-Agent': 'rewards-gateway' },
        validateStatus: (status) => status >= 200 && status < 300,
        transformResponse: [],
      }),
    );
    this.pool = new Pool(new URL(options.baseUrl).origin, {
      connections: options.concurrency,
      // Over HTTP/2 undici itself sends again what a server refused; here, only the retry interceptor decides on that.
      allowH2: false,
      // The attempt's own timer bounds all of this; undici's timers are coarse.
      headersTimeout: 0,
      bodyTimeout: 0,
      // A connection may outlive the attempt that asked for it, and serve the next.
      connect: { timeout: CONNECT_TIMEOUT_MS },
    });
    this.bulkhead = bulkhead(options.concurrency, options.queue);
    for (const operation of options.operations) options.breakers.for(options.upstream, operation);
    const client = this.axiosRef;
    client.defaults.adapter = (config) => this.sendAttempt(config);
    options.install?.(client);
    installRetry(
      client,
      ({ upstream: vendor, operation }) => (options.breakers.for(vendor, operation).retries += 1),
    );
    client.interceptors.response.use(
      (response) => {
        // Any other answer has done its part once it has been read.
        if (response.status >= 300) this.breakerFor(response.config).recordSuccess();
        return response;
      },
      (error: unknown) => {
        const cause = findUpstreamCause(error) ?? error;
        if (cause instanceof UpstreamError)
          options.breakers.for(cause.upstream, cause.operation).recordFailure(cause);
        throw cause;
      },
    );
    // Request interceptors run last to first: the deadline is set before anything may wait.
    client.interceptors.request.use((config) => {
      config.deadlineAt ??= performance.now() + options.deadlineMs;
      return config;
    });
  }

  /**
   * Reads an answer, and takes note of whether it can be used.
   * @throws UpstreamError `invalid_response`
   */
  parse<T extends object>(type: ClassConstructor<T>, response: AxiosResponse<string>, reviver?: Reviver): T {
    const { operation = 'call' } = response.config;
    const { upstream: vendor } = this.options;
    return this.trackOutcome(operation, () =>
      parseResponse(type, response.data, { vendor, operation, reviver }),
    );
  }

  /** Takes note of whether an answer can be used, by what its reader says: it throws an UpstreamError if not. */
  trackOutcome<T>(operation: string, work: () => T): T {
    const breaker = this.breakerFor({ operation });
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
    await this.pool.destroy();
  }

  private breakerFor({ operation = 'call' }: AxiosRequestConfig): OperationBreaker {
    return this.options.breakers.for(this.options.upstream, operation);
  }

  private async sendAttempt(config: InternalAxiosRequestConfig): Promise<AxiosResponse> {
    const startedAt = performance.now();
    const record = (outcome: UpstreamAttempt['outcome'], status: number | undefined) =>
      this.options.breakers.recordAttempt({
        breaker: this.breakerFor(config),
        outcome,
        status,
        durationMs: performance.now() - startedAt,
      });
    try {
      const response = await this.send(config);
      record('ok', response.status);
      return response;
    } catch (error) {
      const cause = findUpstreamCause(error);
      if (cause) record(cause.rejectedLocally ? 'short_circuited' : cause.failure, cause.status);
      throw error;
    }
  }

  private async send(config: InternalAxiosRequestConfig): Promise<AxiosResponse> {
    const { breakers: circuits, upstream: vendor, timeoutMs } = this.options;
    const operation = config.operation ?? 'call';
    const fail = (error: UpstreamError) => toAxiosError(config, error);
    const body = typeof config.data === 'string' ? new TrackedBody(config.data) : undefined;
    const remainingMs = Math.min(timeoutMs, (config.deadlineAt ?? Infinity) - performance.now());
    try {
      return await circuits.for(vendor, operation).execute(() =>
        withTimeout(
          remainingMs,
          // A call that still waits for a place in the lane leaves it when its time is over.
          (signal) =>
            this.bulkhead.execute(
              () =>
                withSpan(`${vendor} ${operation}`, { kind: SpanKind.CLIENT }, () =>
                  sendThroughUndici(this.pool, vendor, config, body, signal),
                ),
              signal,
            ),
          // The signal has been given before this is asked: what has not been taken by now never will be.
          () =>
            fail(
              new UpstreamError(vendor, operation, 'timeout', 'no complete answer in time', {
                neverSent: body?.consumed === false,
              }),
            ),
        ),
      );
    } catch (error) {
      if (error instanceof UpstreamError) throw fail(error);
      if (!(error instanceof BulkheadRejectedError)) throw error;
      throw fail(
        new UpstreamError(vendor, operation, 'busy', 'too many calls are under way', {
          retryAfterSeconds: 1,
        }),
      );
    }
  }
}
