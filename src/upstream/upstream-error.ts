export type Upstream = 'kigo' | 'kiip';

/**
 * Why an upstream call failed:
 * `unreachable`: no answer, the connection failed or broke; `timeout`: no answer in time; `busy`: the vendor said 429 or 503,
 * or we hold calls back (breaker open, too many in flight); `status`: any other refusing status, redirects included;
 * `refused`: an answer whose body says no, whatever its status;
 * `invalid_response`: an answer that breaks the vendor's contract; `credentials_rejected`: the vendor does not accept us.
 */
export type UpstreamFailure = (typeof UPSTREAM_FAILURES)[number];

export const UPSTREAM_FAILURES = [
  'unreachable',
  'timeout',
  'busy',
  'status',
  'refused',
  'invalid_response',
  'credentials_rejected',
] as const;

interface UpstreamErrorDetails {
  /** The vendor's HTTP status, when one arrived. */
  readonly status?: number;
  readonly retryAfterSeconds?: number | undefined;
  /** It is proven that the vendor cannot have got the request. */
  readonly neverSent?: boolean;
}

const TRANSIENT_STATUSES = new Set([408, 429, 500, 502, 503, 504]);

/** The only error that leaves `upstream/`. It holds no header, body, URL or token: it may be logged as it is. */
export class UpstreamError extends Error {
  readonly status: number | undefined;
  readonly retryAfterSeconds: number | undefined;
  private readonly unsent: boolean;

  constructor(
    readonly upstream: Upstream,
    readonly operation: string,
    readonly failure: UpstreamFailure,
    detail: string,
    details: UpstreamErrorDetails = {},
  ) {
    super(`${upstream} ${operation}: ${detail}`);
    this.name = 'UpstreamError';
    this.status = details.status;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.unsent = details.neverSent ?? false;
  }

  /** The vendor (not we ourselves) failed in a way that may pass: worth another attempt, and a reason to open the breaker. */
  get transient(): boolean {
    if (this.status !== undefined) return TRANSIENT_STATUSES.has(this.status);
    return this.failure === 'unreachable' || this.failure === 'timeout';
  }

  /** We refused to call (breaker open, lane full): the vendor was not asked. */
  get rejectedLocally(): boolean {
    return this.failure === 'busy' && this.status === undefined;
  }

  /**
   * The vendor provably got nothing of this attempt: no connection came about (refused, no such host, TLS, no time left), or we
   * refused to call. False is no proof of the contrary.
   */
  get neverSent(): boolean {
    return this.unsent || this.rejectedLocally;
  }
}

/** The error that axios carries from the adapter to us as the cause of its own. */
export function findUpstreamCause(error: unknown): UpstreamError | undefined {
  return error instanceof Error && error.cause instanceof UpstreamError ? error.cause : undefined;
}

/** Says whether an error leaves the answer unknown, so that an older answer may stand in for it. */
export function isUpstreamError(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError;
}
