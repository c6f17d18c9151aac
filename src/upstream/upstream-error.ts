export type Vendor = 'kigo' | 'kiip';

/**
 * Why an upstream call failed:
 * `unreachable`: no answer, the connection failed or broke; `timeout`: no answer in time; `busy`: the vendor said 429 or 503,
 * or we hold calls back (breaker open, too many in flight); `status`: any other refusing status, redirects included;
 * `refused`: an answer whose body says no, whatever its status;
 * `invalid-answer`: an answer that breaks the vendor's contract; `credentials-refused`: the vendor does not accept us.
 */
export type UpstreamFailure = (typeof upstreamFailures)[number];

export const upstreamFailures = [
  'unreachable',
  'timeout',
  'busy',
  'status',
  'refused',
  'invalid-answer',
  'credentials-refused',
] as const;

interface Facts {
  /** The vendor's HTTP status, when one arrived. */
  readonly status?: number;
  readonly retryAfterSeconds?: number | undefined;
  /** It is proven that the vendor cannot have got the request. */
  readonly neverSent?: boolean;
}

const transientStatuses = new Set([408, 429, 500, 502, 503, 504]);

/** The only error that leaves `upstream/`. It holds no header, body, URL or token: it may be logged as it is. */
export class UpstreamError extends Error {
  readonly status: number | undefined;
  readonly retryAfterSeconds: number | undefined;
  private readonly unsent: boolean;

  constructor(
    readonly vendor: Vendor,
    readonly operation: string,
    readonly failure: UpstreamFailure,
    detail: string,
    facts: Facts = {},
  ) {
    super(`${vendor} ${operation}: ${detail}`);
    this.name = 'UpstreamError';
    this.status = facts.status;
    this.retryAfterSeconds = facts.retryAfterSeconds;
    this.unsent = facts.neverSent ?? false;
  }

  /** The vendor (not we ourselves) failed in a way that may pass: worth another attempt, and a reason to open the breaker. */
  get transient(): boolean {
    if (this.status !== undefined) return transientStatuses.has(this.status);
    return this.failure === 'unreachable' || this.failure === 'timeout';
  }

  /** We refused to call (breaker open, lane full): the vendor was not asked. */
  get heldBack(): boolean {
    return this.failure === 'busy' && this.status === undefined;
  }

  /**
   * The vendor provably got nothing of this attempt: no connection came about (refused, no such host, TLS, no time left), or we
   * refused to call. False is no proof of the contrary.
   */
  get neverSent(): boolean {
    return this.unsent || this.heldBack;
  }
}

/** The error that axios carries from the adapter to us as the cause of its own. */
export function causeOf(error: unknown): UpstreamError | undefined {
  return error instanceof Error && error.cause instanceof UpstreamError ? error.cause : undefined;
}

/** Says whether an error leaves the answer unknown, so that an older answer may stand in for it. */
export function isUpstreamError(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError;
}
