export type Upstream = 'kigo' | 'kiip';

/**
 * Why an upstream call failed:
 * `unreachable`: no response, the connection failed or broke;
 * `timeout`: no complete response in time;
 * `busy`: status 429 or 503, or rejected here (circuit breaker open, too many calls in flight);
 * `status`: any other status that is no success, redirects included;
 * `rejected`: the body of the response says no, whatever its status;
 * `invalid_response`: the response breaks the upstream's contract;
 * `credentials_rejected`: the upstream does not accept our credentials.
 */
export type UpstreamFailure = (typeof UPSTREAM_FAILURES)[number];

export const UPSTREAM_FAILURES = [
  'unreachable',
  'timeout',
  'busy',
  'status',
  'rejected',
  'invalid_response',
  'credentials_rejected',
] as const;

interface UpstreamErrorDetails {
  /** The HTTP status of the response, if there was one. */
  readonly status?: number;
  readonly retryAfterSeconds?: number | undefined;
  /** It is proven that the upstream cannot have received the request. */
  readonly neverSent?: boolean;
}

/** Server errors that a repeat does not mend: not implemented, HTTP version not supported. */
const PERMANENT_SERVER_ERRORS = new Set([501, 505]);

/** An unknown status is like the first of its class (RFC 9110, 15): one of an edge, such as 520, is as 500. */
function isTransient(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && !PERMANENT_SERVER_ERRORS.has(status));
}

/** The only error that leaves `upstream/`. It contains no header, body, URL or token, so it can be logged as it is. */
export class UpstreamError extends Error {
  readonly status: number | undefined;
  readonly retryAfterSeconds: number | undefined;
  private readonly unsent: boolean;

  constructor(
    readonly upstream: Upstream,
    readonly operation: string,
    readonly failure: UpstreamFailure,
    readonly detail: string,
    details: UpstreamErrorDetails = {},
  ) {
    super(`${upstream} ${operation}: ${detail}`);
    this.name = 'UpstreamError';
    this.status = details.status;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.unsent = details.neverSent ?? false;
  }

  /** The upstream itself failed, in a way that may pass. Such a failure is worth a retry and counts for the circuit breaker. */
  get transient(): boolean {
    if (this.status !== undefined) return isTransient(this.status);
    return this.failure === 'unreachable' || this.failure === 'timeout';
  }

  /** The call was rejected here (circuit breaker open, too many calls in flight) and not sent. */
  get rejectedLocally(): boolean {
    return this.failure === 'busy' && this.status === undefined;
  }

  /**
   * The upstream provably received nothing of this attempt: there was no connection (refused, unknown host, TLS, no time left), or
   * the call was rejected here. False does not prove the contrary.
   */
  get neverSent(): boolean {
    return this.unsent || this.rejectedLocally;
  }
}

/** Finds the UpstreamError that an AxiosError carries as its cause. */
export function findUpstreamCause(error: unknown): UpstreamError | undefined {
  return error instanceof Error && error.cause instanceof UpstreamError ? error.cause : undefined;
}

/** Whether an error says nothing about the requested data, so that an older response may be served instead. */
export function isUpstreamError(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError;
}

type PackedError = Pick<
  UpstreamError,
  'upstream' | 'operation' | 'failure' | 'detail' | 'status' | 'retryAfterSeconds'
>;

/**
 * What another replica needs to throw the same error: that of a response. Connections, time limits and credentials are those of this
 * replica, and another one may well get an answer.
 */
export function packUpstreamError(error: unknown): PackedError | undefined {
  if (!isUpstreamError(error) || error.failure === 'credentials_rejected') return undefined;
  if (error.status === undefined && error.failure !== 'invalid_response') return undefined;
  const { upstream, operation, failure, detail, status, retryAfterSeconds } = error;
  return { upstream, operation, failure, detail, status, retryAfterSeconds };
}

/** @param packed by `packUpstreamError`, then maybe as JSON */
export function unpackUpstreamError(packed: unknown): UpstreamError {
  const { upstream, operation, failure, detail, status, retryAfterSeconds } = packed as PackedError;
  return new UpstreamError(upstream, operation, failure, detail, {
    ...(status !== undefined && { status }),
    retryAfterSeconds,
  });
}
