import { STATUS_CODES } from 'node:http';
import { Problem } from './problem.js';
import type { ProblemFields, ProblemName } from './problem.js';

/** The problems of the gateway, each sentence once: for the code that throws them and for the API description. */

/** A `validation` problem with one violation. */
export function invalid(pointer: string, detail: string): Problem {
  return Problem.of('validation', `${detail}.`, { errors: [{ pointer, detail }], retryable: false });
}

export function unauthenticated(detail: string): Problem {
  return Problem.of('unauthenticated', detail);
}

export function missingScope(scope: string): Problem {
  return Problem.untyped(403, 'Forbidden', `This caller lacks the scope ${scope}.`, { retryable: false });
}

export function jwksUnavailable(): Problem {
  return Problem.untyped(
    503,
    'Service Unavailable',
    'The keys of the token issuer cannot be fetched. Try again after Retry-After.',
    { retryable: true, retry_after_seconds: 1 },
  );
}

export function invalidCallbackSignature(): Problem {
  return Problem.of('callback-signature', 'No configured secret matches this signature.', {
    retryable: false,
  });
}

export function accountNotFound(): Problem {
  return Problem.of('account-not-found', 'Kigo has no account for these ids.', { retryable: false });
}

/** An unknown path. */
export function notFound(): Problem {
  return Problem.of('not-found', 'No route matches this path.');
}

export function methodNotAllowed(allowed: string): Problem {
  return Problem.of('method-not-allowed', `Allowed methods: ${allowed}.`);
}

export function notQuarantined(): Problem {
  return Problem.of('conflict', 'The entry is no longer quarantined.', { retryable: false });
}

export function originalInFlight(): Problem {
  return Problem.of('conflict', 'The original request with this Idempotency-Key is still in flight.', {
    retryable: true,
  });
}

export function outcomeUnknown(): Problem {
  return Problem.of(
    'outcome-unknown',
    'The original request may have reached Kiip and is not sent again. Use a new Idempotency-Key for a new request.',
    { retryable: false },
  );
}

export function feedRestarted(): Problem {
  return Problem.of(
    'feed-restarted',
    'The database was restored to a time before this cursor. Continue from an older cursor, or without `after`.',
    { retryable: false },
  );
}

export function idempotencyKeyReused(): Problem {
  return Problem.of('idempotency-key-reused', 'This Idempotency-Key was used with a different body.', {
    retryable: false,
  });
}

export function rateLimited(retryAfterSeconds: number): Problem {
  return Problem.of('rate-limited', 'Rate limit exceeded. Try again after Retry-After.', {
    retryable: true,
    retry_after_seconds: retryAfterSeconds,
  });
}

export function credentialsLimited(retryAfterSeconds: number): Problem {
  return Problem.of(
    'rate-limited',
    'Too many failed credentials came from this address. Try again after Retry-After.',
    { retryable: true, retry_after_seconds: retryAfterSeconds },
  );
}

export function storageUnavailable(retryAfterSeconds: number): Problem {
  return Problem.of('storage-unavailable', 'Nothing was stored. Try again after Retry-After.', {
    retryable: true,
    retry_after_seconds: retryAfterSeconds,
  });
}

const UPSTREAM_DETAILS = {
  'upstream-failed': 'The upstream cannot be reached, failed, or sent an invalid response.',
  'upstream-busy': 'The upstream is rate limiting or its circuit breaker is open. See Retry-After.',
  'upstream-timeout': 'The upstream did not respond in time. See retryable.',
};

interface UpstreamFailure {
  readonly upstream: string;
  readonly operation: string;
  readonly retryable: boolean;
  readonly retryAfterSeconds?: number | undefined;
}

export function upstreamProblem(
  name: ProblemName & `upstream-${string}`,
  failure: UpstreamFailure,
  detail = UPSTREAM_DETAILS[name],
): Problem {
  const { upstream, operation, retryable, retryAfterSeconds } = failure;
  return Problem.of(name, `${detail} (${upstream} ${operation})`, {
    upstream,
    retryable,
    ...(retryAfterSeconds === undefined ? {} : { retry_after_seconds: retryAfterSeconds }),
  });
}

export function credentialsRejected(failure: UpstreamFailure): Problem {
  const detail = 'The upstream rejected the credentials of this gateway. Its operator must correct them.';
  return upstreamProblem('upstream-failed', failure, detail);
}

const STATUS_DETAILS: Record<number, string> = {
  413: 'The body is larger than this route accepts.',
  414: 'The URL is longer than this service accepts.',
  415: 'This route does not accept bodies of this media type.',
  500: 'Internal error. Quote this request ID to the operator.',
  503: 'The service is unavailable.',
};

/** The problem of a status that has no name of its own. */
export function httpProblem(status: number, fields: ProblemFields = {}): Problem {
  const detail = STATUS_DETAILS[status] ?? 'The request cannot be served.';
  return Problem.untyped(status, STATUS_CODES[status] ?? 'Error', detail, fields);
}
