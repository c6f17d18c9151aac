import { GatewayProblem } from './gateway-problem.js';
import { OPERATIONS } from './operations.js';
import type { CallOptions, ClientOptions, FollowOptions } from './options.js';
import { retryDelayMs, sleep } from './retry.js';
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
   * @throws DOMException `TimeoutError` at the deadline, `AbortError` after `signal`; TypeError when there is no connection
   */
  async call<N extends OperationName>(
    name: N,
    input: Input<N>,
    options: CallOptions = {},
  ): Promise<Output<N>> {
    const limitMs = options.deadlineMs ?? this.options.deadlineMs ?? DEADLINE_MS;
    const endsAt = performance.now() + limitMs;
    const timeout = AbortSignal.timeout(limitMs);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    const request = toRequest(this.options.url, name, input, options);
    for (let attempt = 0; ; attempt += 1) {
      try {
        return (await this.attempt(request, signal)) as Output<N>;
      } catch (failure) {
        if (signal.aborted) throw failure;
        const delayMs = this.hasExpired(failure, attempt) ? 0 : retryDelayMs(failure, attempt, request);
        if (delayMs === undefined || performance.now() + delayMs >= endsAt) throw failure;
        await sleep(delayMs, signal);
      }
    }
  }

  /** The pages of a list, from `after` of the input on. `next` of a page continues behind it, also in another process. */
  async *pages<N extends ListName>(
    name: N,
    input: Input<N>,
    { pollMs, ...options }: FollowOptions = {},
  ): AsyncGenerator<Output<N> & Page<N>, void, undefined> {
    for (let from = input; ;) {
      const page = (await this.call(name, from, options)) as Output<N> & Page<N>;
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
    options: FollowOptions = {},
  ): AsyncGenerator<ItemOf<N>, void, undefined> {
    for await (const { items } of this.pages(name, input, options)) yield* items;
  }

  private async attempt({ url, init }: GatewayRequest, signal: AbortSignal): Promise<unknown> {
    const { token, headers, fetch: send = fetch } = this.options;
    const credential = typeof token === 'string' ? token : await token();
    const response = await send(url, {
      ...init,
      headers: { ...headers?.(), ...init.headers, authorization: `Bearer ${credential}` },
      redirect: 'error',
      signal,
    });
    if (!response.ok) throw await GatewayProblem.from(response);
    return response.json();
  }

  /** A token may have been replaced since it was read: once, it is read again. */
  private hasExpired(failure: unknown, attempt: number): boolean {
    const isRefused = failure instanceof GatewayProblem && failure.status === 401;
    return isRefused && attempt === 0 && typeof this.options.token === 'function';
  }
}

for (const name of Object.keys(OPERATIONS) as OperationName[])
  Object.defineProperty(RewardsGatewayClient.prototype, name, {
    value(this: RewardsGatewayClient, input = {} as Input<OperationName>, options?: CallOptions) {
      return this.call(name, input, options);
    },
  });
