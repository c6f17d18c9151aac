import { HttpException } from '@nestjs/common';
import { sqlState, StorageUnavailableError } from '../database/storage-error.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import {
  credentialsRejected,
  httpProblem,
  notFound,
  storageUnavailable,
  upstreamProblem,
} from './problem-catalogue.js';
import { Problem } from './problem.js';

/** A statement that the database rejects most likely fails again soon. */
const UNEXPECTED_RETRY_AFTER_SECONDS = 60;

/** Maps any error to the problem that is sent. Nothing of an unexpected error is disclosed. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof UpstreamError) return fromUpstream(error);
  if (error instanceof StorageUnavailableError) return storageUnavailable(error.retryAfterSeconds);
  // What cannot be stored is not acknowledged, whatever the reason. The database logs it.
  if (sqlState(error) !== undefined) return storageUnavailable(UNEXPECTED_RETRY_AFTER_SECONDS);
  const status = toStatus(error);
  if (status === 404) return notFound();
  if (status === 400) return Problem.of('validation', describeUnreadable(error), { retryable: false });
  return httpProblem(status, toChecks(error));
}

function fromUpstream({
  failure,
  upstream,
  operation,
  transient,
  retryAfterSeconds,
}: UpstreamError): Problem {
  const facts = { upstream, operation, retryable: transient || failure === 'busy', retryAfterSeconds };
  if (failure === 'credentials_rejected') return credentialsRejected(facts);
  if (failure === 'timeout') return upstreamProblem('upstream-timeout', facts);
  if (failure !== 'busy') return upstreamProblem('upstream-failed', facts);
  return upstreamProblem('upstream-busy', { ...facts, retryAfterSeconds: retryAfterSeconds ?? 1 });
}

/** Fastify's own 400s: our pipes and parsers throw Problems. */
function describeUnreadable(error: unknown): string {
  const isUrl = error instanceof Error && 'code' in error && error.code === 'FST_ERR_BAD_URL';
  return isUrl ? 'The path is not correctly percent-encoded UTF-8.' : 'The body cannot be read.';
}

/** Fastify's errors and Nest's exceptions have a status; anything else is a bug. */
function toStatus(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

/** Terminus throws its report, which is what the reader of a failing probe needs. */
function toChecks(error: unknown): { checks?: object } {
  const response: unknown = error instanceof HttpException ? error.getResponse() : undefined;
  if (typeof response !== 'object' || response === null || !('details' in response)) return {};
  return typeof response.details === 'object' && response.details !== null
    ? { checks: response.details }
    : {};
}
