import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { StorageUnavailable } from '../database/storage-error.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { Problem } from './problem.js';
import type { ProblemMembers, ProblemName } from './problem.js';

/** Turns whatever was thrown into the problem that is answered. Nothing of an unexpected error is told. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof UpstreamError) return fromUpstream(error);
  if (error instanceof StorageUnavailable)
    return Problem.of('storage-unavailable', 'Nothing was stored. Try again after Retry-After.', {
      retryable: true,
      retry_after_seconds: error.retryAfterSeconds,
    });
  const status = statusOf(error);
  if (status === 404) return nothingHere();
  if (status === 400) return Problem.of('validation', unreadable(error), { retryable: false });
  return plainProblem(status, checksOf(error));
}

/** The problem of a status that has no name. */
export function plainProblem(status: number, members: ProblemMembers = {}): Problem {
  const detail = details[status] ?? 'The request cannot be served.';
  return Problem.plain(status, STATUS_CODES[status] ?? 'Error', detail, members);
}

/** The problem of an unknown path. */
export function nothingHere(): Problem {
  return Problem.of('not-found', 'No route has this path.');
}

function fromUpstream(error: UpstreamError): Problem {
  const name = upstreamName(error);
  const retryAfter = name === 'upstream-busy' ? (error.retryAfterSeconds ?? 1) : error.retryAfterSeconds;
  const sentence = error.failure === 'credentials-refused' ? refused : sentences[name];
  return Problem.of(name, `${sentence} (${error.vendor} ${error.operation})`, {
    upstream: error.vendor,
    retryable: error.transient || error.failure === 'busy',
    ...(retryAfter === undefined ? {} : { retry_after_seconds: retryAfter }),
  });
}

function upstreamName({ failure }: UpstreamError): ProblemName & `upstream-${string}` {
  if (failure === 'busy') return 'upstream-busy';
  return failure === 'timeout' ? 'upstream-timeout' : 'upstream-failed';
}

const refused = 'The vendor refuses the credentials of this gateway: its operator has to put them right.';
const sentences = {
  'upstream-failed': 'The vendor cannot be reached, failed, or gave an answer that cannot be used.',
  'upstream-busy':
    'The vendor asked for a pause, or is given one after failures: see retryable and Retry-After.',
  'upstream-timeout': 'The vendor gave no complete answer in time: see retryable.',
};

const details: Record<number, string> = {
  413: 'The body is larger than this route accepts.',
  414: 'The URL is longer than this service accepts.',
  415: 'This route does not read bodies of this media type.',
  500: 'Something unexpected happened here. The log has it under this request id.',
  503: 'The service cannot do this now.',
};

/** Fastify's own refusals: our pipes and parsers throw Problems. */
function unreadable(error: unknown): string {
  const ofUrl = error instanceof Error && 'code' in error && error.code === 'FST_ERR_BAD_URL';
  return ofUrl ? 'The path is not correctly percent-encoded UTF-8.' : 'The body cannot be read.';
}

/** Fastify's own errors and Nest's exceptions bear a status; anything else is a fault of ours. */
function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

/** Terminus throws its report; the report is what the reader of a failing probe needs. */
function checksOf(error: unknown): { checks?: object } {
  const response: unknown = error instanceof HttpException ? error.getResponse() : undefined;
  if (typeof response !== 'object' || response === null || !('details' in response)) return {};
  return typeof response.details === 'object' && response.details !== null
    ? { checks: response.details }
    : {};
}
