import { GatewayProblem } from './gateway-problem.js';
import { OPERATIONS } from './operations.js';
import type { CallOptions, ClientOptions, FollowOptions } from './options.js';
import { pollDelayMs, raceAbort, retryDelayMs, sleep } from './retry.js';
import { toRequest } from './to-request.js';
import type { GatewayRequest } from './to-request.js';
import type { Input, ItemOf, ListName, OperationName, Operations, Output } from './types.js';

const DEADLINE_MS = 10_000;

interface Page<N extends ListName> {
  readonly items: ItemOf<N>[];
  readonly next: string | null;
}

/** Every operation of the API is a method, with its name in openapi.json. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the methods are made below, from the list of operations
export interface RewardsGatewayClient extends Operations {}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export class RewardsGatewayClient {
  constructor(private readonly options: ClientOptions) {}

  /**
   * Calls an operation. What may succeed later is tried again until the deadline, after the time that the gateway says. A request that
   * may have had an effect is sent again only with the same Idempotency-Key.
   * @throws GatewayProblem for every response that is not 2xx
   * @throws DOMException `TimeoutError` at the deadline, the reason of `signal` after it; TypeError when there is no connection
   * @throws RangeError for parameters that cannot be sent
   */
  async call<N extends OperationName>(
    name: N,
    input: Input<N>,
    options: CallOptions = {},
  ): Promise<Output<N>> {
    const request = toRequest(this.options.url, name, input, options);
    const { idempotencyKey } = request;
    try {
      return JSON.parse(await this.send(request, options)) as Output<N>;
    } catch (failure) {
      // Other calls may share the reason of a signal.
      const isOwn = Object.isExtensible(failure) && failure !== options.signal?.reason;
      if (isOwn && idempotencyKey !== undefined) Object.assign(failure as object, { idempotencyKey });
      throw failure;
    }
  }

  /**
   * The pages of a list, from `after` of the input on. `next` of a page continues behind it, also in another process. With `pollMs`,
   * failures that may pass do not end it.
   */
  async *pages<N extends ListName>(
    name: N,
    input: Input<N>,
    { pollMs, ...options }: FollowOptions<N> = {},
  ): AsyncGenerator<Output<N> & Page<N>, void, undefined> {
    for (let from = input; ;) {
      let page: Output<N> & Page<N>;
      try {
        page = (await this.call(name, from, options)) as Output<N> & Page<N>;
      } catch (failure) {
        const delayMs = pollMs === undefined ? undefined : pollDelayMs(failure, pollMs);
        if (delayMs === undefined || options.signal?.aborted) throw failure;
        await sleep(delayMs, options.signal);
        continue;
      }
      const { items, next } = page;
      if (items.length > 0) yield page;
      else if (pollMs === undefined) return;
      else await sleep(pollMs, options.signal);
      if (next === null) return;
      from = { ...from, after: next };
    }
  }

  /** The items of a list, of all its pages. */
  async *items<N extends ListName>(
    name: N,
    input: Input<N>,
    options: FollowOptions<N> = {},
  ): AsyncGenerator<ItemOf<N>, void, undefined> {
    for await (const { items } of this.pages(name, input, options)) yield* items;
  }

  /** The body of a 2xx response. */
  private async send(request: GatewayRequest, options: CallOptions): Promise<string> {
    const limitMs = options.deadlineMs ?? this.options.deadlineMs ?? DEADLINE_MS;
    const endsAt = performance.now() + limitMs;
    const timeout = AbortSignal.timeout(limitMs);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    for (let attempt = 0; ; attempt += 1) {
      const headers = await this.headersOf(request, signal);
      try {
        return await this.attempt(request, headers, signal);
      } catch (failure) {
        if (signal.aborted) throw failure;
        const delayMs = this.hasExpired(failure, attempt) ? 0 : retryDelayMs(failure, attempt, request);
        if (delayMs === undefined || performance.now() + delayMs >= endsAt) throw failure;
        await sleep(delayMs, signal);
      }
    }
  }

  private async headersOf(request: GatewayRequest, signal: AbortSignal): Promise<Headers> {
    const { token, headers: common } = this.options;
    const headers = new Headers(common?.());
    for (const [name, value] of request.headers) headers.set(name, value);
    const credential = typeof token === 'string' ? token : await raceAbort(token, signal);
    headers.set('authorization', `Bearer ${credential}`);
    return headers;
  }

  private async attempt(
    { url, method, body }: GatewayRequest,
    headers: Headers,
    signal: AbortSignal,
  ): Promise<string> {
    const { fetch: send = fetch } = this.options;
    // Edge runtimes know no `error`. A redirect is not 2xx.
    const init = {
      method,
      headers,
      signal,
      redirect: 'manual',
      ...(body !== undefined && { body }),
    } as const;
    const response = await send(url, init);
    if (!response.ok) throw await GatewayProblem.from(response);
    return response.text();
  }

  /** A token may have been replaced since it was read: once, it is read again. */
  private hasExpired(failure: unknown, attempt: number): boolean {
    const isRefused = failure instanceof GatewayProblem && failure.status === 401;
    return isRefused && attempt === 0 && typeof this.options.token === 'function';
  }
}

for (const name of Object.keys(OPERATIONS) as OperationName[])
  Object.defineProperty(RewardsGatewayClient.prototype, name, {
    // As methods of classes are: tests spy on them.
    writable: true,
    configurable: true,
    value(this: RewardsGatewayClient, input = {} as Input<OperationName>, options?: CallOptions) {
      return this.call(name, input, options);
    },
  });
