import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { StorageUnavailableError } from '../database/storage-error.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { Problem } from './problem.js';
import type { ProblemFields, ProblemName } from './problem.js';

/** Turns whatever was thrown into the problem that is answered. Nothing of an unexpected error is told. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof UpstreamError) return fromUpstream(error);
  if (error instanceof StorageUnavailableError)
    return Problem.of('storage-unavailable', 'Nothing was stored. Try again after Retry-After.', {
      retryable: true,
      retry_after_seconds: error.retryAfterSeconds,
    });
  const status = toStatus(error);
  if (status === 404) return notFound();
  if (status === 400) return Problem.of('validation', describeUnreadable(error), { retryable: false });
  return httpProblem(status, toChecks(error));
}

/** The problem of a status that has no name. */
export function httpProblem(status: number, members: ProblemFields = {}): Problem {
  const detail = STATUS_DETAILS[status] ?? 'The request cannot be served.';
  return Problem.untyped(status, STATUS_CODES[status] ?? 'Error', detail, members);
}

/** The problem of an unknown path. */
export function notFound(): Problem {
  return Problem.of('not-found', 'No route matches this path.');
}

function fromUpstream(error: UpstreamError): Problem {
  const name = toUpstreamProblemName(error);
  const retryAfter = name === 'upstream-busy' ? (error.retryAfterSeconds ?? 1) : error.retryAfterSeconds;
  const sentence = error.failure === 'credentials_rejected' ? CREDENTIALS_REJECTED : UPSTREAM_DETAILS[name];
  return Problem.of(name, `${sentence} (${error.upstream} ${error.operation})`, {
    upstream: error.upstream,
    retryable: error.transient || error.failure === 'busy',
    ...(retryAfter === undefined ? {} : { retry_after_seconds: retryAfter }),
  });
}

function toUpstreamProblemName({ failure }: UpstreamError): ProblemName & `upstream-${string}` {
  if (failure === 'busy') return 'upstream-busy';
  return failure === 'timeout' ? 'upstream-timeout' : 'upstream-failed';
}

const CREDENTIALS_REJECTED =
  'The upstream rejected the credentials of this gateway. Its operator must correct them.';
const UPSTREAM_DETAILS = {
  'upstream-failed': 'The upstream cannot be reached, failed, or sent an invalid response.',
  'upstream-busy': 'The upstream is rate limiting or its circuit breaker is open. See Retry-After.',
  'upstream-timeout': 'The upstream did not respond in time. See retryable.',
};

const STATUS_DETAILS: Record<number, string> = {
  413: 'The body is larger than this route accepts.',
  414: 'The URL is longer than this service accepts.',
  415: 'This route does not read bodies of this media type.',
  500: 'Internal error. Quote this request ID to the operator.',
  503: 'The service is unavailable.',
};

/** Fastify's own refusals: our pipes and parsers throw Problems. */
function describeUnreadable(error: unknown): string {
  const ofUrl = error instanceof Error && 'code' in error && error.code === 'FST_ERR_BAD_URL';
  return ofUrl ? 'The path is not correctly percent-encoded UTF-8.' : 'The body cannot be read.';
}

/** Fastify's own errors and Nest's exceptions bear a status; anything else is a fault of ours. */
function toStatus(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

/** Terminus throws its report; the report is what the reader of a failing probe needs. */
function toChecks(error: unknown): { checks?: object } {
  const response: unknown = error instanceof HttpException ? error.getResponse() : undefined;
  if (typeof response !== 'object' || response === null || !('details' in response)) return {};
  return typeof response.details === 'object' && response.details !== null
    ? { checks: response.details }
    : {};
}
