import { HttpService } from '@nestjs/axios';
import { create } from 'axios';
import type { AxiosInstance, AxiosRequestConfig, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { ClassConstructor } from 'class-transformer';
import { BulkheadRejectedError, bulkhead } from 'cockatiel';
import { Pool } from 'undici';
import type { Circuit } from './operation-breaker.js';
import type { Circuits, UpstreamAttempt } from './breaker-registry.js';
import { SpanKind } from '@opentelemetry/api';
import { inSpan } from '../tracing/span.js';
import { OutgoingBody } from './tracked-body.js';
import { readAnswer } from './parse-response.js';
import type { Reviver } from './parse-response.js';
import { installRetry } from './retry.interceptor.js';
import { axiosError, sendThroughUndici } from './undici-adapter.js';
import { causeOf, UpstreamError } from './upstream-error.js';
import type { Vendor } from './upstream-error.js';
import { within } from '../async/time-limit.js';

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
  readonly circuits: Circuits;
  readonly vendor: Vendor;
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

const connectTimeoutMs = 10_000;

/**
 * An axios instance for one lane to one vendor: keep-alive pool, bulkhead, breaker per operation, retries, one deadline.
 * Use `axiosRef`; every failure is an UpstreamError. `validateStatus` says which statuses are answers (2xx if not given).
 */
export class UpstreamHttp extends HttpService {
  private readonly pool: Pool;
  private readonly lane: ReturnType<typeof bulkhead>;

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
      connect: { timeout: connectTimeoutMs },
    });
    this.lane = bulkhead(options.concurrency, options.queue);
    for (const operation of options.operations) options.circuits.of(options.vendor, operation);
    const client = this.axiosRef;
    client.defaults.adapter = (config) => this.attempt(config);
    options.install?.(client);
    installRetry(client, ({ vendor, operation }) => (options.circuits.of(vendor, operation).retries += 1));
    client.interceptors.response.use(
      (response) => {
        // Any other answer has done its part once it has been read.
        if (response.status >= 300) this.circuitOf(response.config).succeeded();
        return response;
      },
      (error: unknown) => {
        const cause = causeOf(error) ?? error;
        if (cause instanceof UpstreamError) options.circuits.of(cause.vendor, cause.operation).failed(cause);
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
   * @throws UpstreamError `invalid-answer`
   */
  read<T extends object>(shape: ClassConstructor<T>, answer: AxiosResponse<string>, reviver?: Reviver): T {
    const { operation = 'call' } = answer.config;
    const { vendor } = this.options;
    return this.judge(operation, () => readAnswer(shape, answer.data, { vendor, operation, reviver }));
  }

  /** Takes note of whether an answer can be used, by what its reader says: it throws an UpstreamError if not. */
  judge<T>(operation: string, read: () => T): T {
    const circuit = this.circuitOf({ operation });
    try {
      const result = read();
      circuit.succeeded();
      return result;
    } catch (error) {
      if (error instanceof UpstreamError) circuit.failed(error);
      throw error;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.destroy();
  }

  private circuitOf({ operation = 'call' }: AxiosRequestConfig): Circuit {
    return this.options.circuits.of(this.options.vendor, operation);
  }

  private async attempt(config: InternalAxiosRequestConfig): Promise<AxiosResponse> {
    const begunAt = performance.now();
    const tell = (outcome: UpstreamAttempt['outcome'], status: number | undefined) =>
      this.options.circuits.attempted({
        circuit: this.circuitOf(config),
        outcome,
        status,
        durationMs: performance.now() - begunAt,
      });
    try {
      const answer = await this.send(config);
      tell('ok', answer.status);
      return answer;
    } catch (error) {
      const cause = causeOf(error);
      if (cause) tell(cause.heldBack ? 'held-back' : cause.failure, cause.status);
      throw error;
    }
  }

  private async send(config: InternalAxiosRequestConfig): Promise<AxiosResponse> {
    const { circuits, vendor, timeoutMs } = this.options;
    const operation = config.operation ?? 'call';
    const fail = (error: UpstreamError) => axiosError(config, error);
    const body = typeof config.data === 'string' ? new OutgoingBody(config.data) : undefined;
    const remainingMs = Math.min(timeoutMs, (config.deadlineAt ?? Infinity) - performance.now());
    try {
      return await circuits.of(vendor, operation).execute(() =>
        within(
          remainingMs,
          // A call that still waits for a place in the lane leaves it when its time is over.
          (signal) =>
            this.lane.execute(
              () =>
                inSpan(`${vendor} ${operation}`, { kind: SpanKind.CLIENT }, () =>
                  sendThroughUndici(this.pool, vendor, config, body, signal),
                ),
              signal,
            ),
          // The signal has been given before this is asked: what has not been taken by now never will be.
          () =>
            fail(
              new UpstreamError(vendor, operation, 'timeout', 'no complete answer in time', {
                neverSent: body?.taken === false,
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
