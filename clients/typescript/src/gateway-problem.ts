import type { Schemas } from './types.js';

type Body = Schemas['Problem'];

/** The response was an error (RFC 9457). */
export class GatewayProblem extends Error {
  override readonly name = 'GatewayProblem';
  /** Of a session or moment. Repeat it only with this key. */
  readonly idempotencyKey?: string;

  constructor(readonly body: Body) {
    super(`${body.title}: ${body.detail}`);
  }

  /** What went wrong: `about:blank` where the status says all. */
  get type(): Body['type'] {
    return this.body.type;
  }

  get status(): number {
    return this.body.status;
  }

  /** The `X-Request-Id`, for the operator. */
  get requestId(): string {
    return this.body.instance;
  }

  /** Every violation in the request. */
  get errors(): Schemas['Violation'][] {
    return this.body.errors ?? [];
  }

  /** Whether the same request may succeed later; undefined where the response is not from the gateway. */
  get retryable(): boolean | undefined {
    return this.body.retryable;
  }

  /** The vendor that failed. */
  get upstream(): Schemas['Upstream'] | undefined {
    return this.body.upstream;
  }

  get retryAfterMs(): number | undefined {
    const { retry_after_seconds: seconds } = this.body;
    return seconds === undefined ? undefined : seconds * 1_000;
  }

  /** Whether it is of a type, by its short name: after `problem.is('rate-limited')`, it has `retryAfterMs`. */
  is<N extends ProblemName>(name: N): this is GatewayProblem & Known<N> {
    return this.type === `urn:rewards-gateway:problem:${name}`;
  }

  /** Of a response that is no 2xx. A proxy on the way may answer with something else than a problem. */
  static async from(response: Response): Promise<GatewayProblem> {
    const { status, statusText, headers } = response;
    const seconds = toSeconds(headers.get('retry-after'));
    const other: Body = {
      type: 'about:blank',
      title: statusText || `Status ${status}`,
      status,
      detail: 'The response is not from the gateway.',
      instance: headers.get('x-request-id') ?? '',
      ...(seconds !== undefined && { retry_after_seconds: seconds }),
    };
    if (!headers.get('content-type')?.startsWith('application/problem+json')) {
      await response.body?.cancel();
      return new GatewayProblem(other);
    }
    return new GatewayProblem({ ...other, ...parse(await response.text()) });
  }
}

/**
 * The key of the session or moment that failed, also without a response. It may have been rewarded: repeat it only with this key. After
 * your own `signal` there is none: give your own key.
 */
export function idempotencyKeyOf(error: unknown): string | undefined {
  return (error as { idempotencyKey?: string } | null | undefined)?.idempotencyKey;
}

function parse(text: string): Partial<Body> {
  try {
    // The gateway says it where it may be so.
    return { retryable: false, ...(JSON.parse(text) as Body) };
  } catch {
    return {};
  }
}

/** `Retry-After` has seconds or a date (RFC 9110, 10.2.3). */
function toSeconds(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  const seconds = Number(retryAfter);
  const value = Number.isNaN(seconds) ? (Date.parse(retryAfter) - Date.now()) / 1_000 : seconds;
  return Number.isFinite(value) ? Math.max(0, value) : undefined;
}

/** What the gateway always says of a problem, by its name. */
type Known<N extends ProblemName> = {
  readonly type: `urn:rewards-gateway:problem:${N}`;
  readonly retryable: boolean;
} & (N extends 'rate-limited' | 'upstream-busy' | 'storage-unavailable'
  ? { readonly retryAfterMs: number }
  : unknown) &
  (N extends `upstream-${string}` ? { readonly upstream: Schemas['Upstream'] } : unknown);

type ProblemName = Body['type'] extends infer T
  ? T extends `urn:rewards-gateway:problem:${infer Name}`
    ? Name
    : never
  : never;
