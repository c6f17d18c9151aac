import { StorageUnavailableError } from '../database/storage-error.js';
import { UpstreamError } from '../upstream/upstream-error.js';

/**
 * The outcome of a failed call: it provably never reached Kiip; Kiip rejected it, and nothing else happened; or it is unknown.
 * Only an `{"error"}` body or a 4xx status proves a rejection. 408 does not: it means that Kiip, or a proxy in front of it, did not
 * see the whole request.
 */
export type CallOutcome = 'never-sent' | 'rejected' | 'unknown';

export function classifyFailure(error: unknown): CallOutcome {
  // The client uses the database before it sends the request, never after.
  if (error instanceof StorageUnavailableError) return 'never-sent';
  if (!(error instanceof UpstreamError)) return 'unknown';
  if (error.neverSent) return 'never-sent';
  const { failure, status = 0 } = error;
  return failure === 'rejected' || (status >= 400 && status < 500 && status !== 408) ? 'rejected' : 'unknown';
}
