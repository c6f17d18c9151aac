import { StorageUnavailableError } from '../database/storage-error.js';
import { UpstreamError } from '../upstream/upstream-error.js';

/**
 * What became of a call that failed: it provably never reached Kiip; Kiip refused it, and nothing else happened; or nobody knows.
 * Known is only what an answer says that can be relied on: its own `{"error"}`, or a 4xx status. 408 means that the request did not
 * arrive as a whole, as far as Kiip (or a proxy in front of it) could see.
 */
export type CallOutcome = 'never-sent' | 'refused' | 'unknown';

export function classifyFailure(error: unknown): CallOutcome {
  // The client asks the database before it sends, never after.
  if (error instanceof StorageUnavailableError) return 'never-sent';
  if (!(error instanceof UpstreamError)) return 'unknown';
  if (error.neverSent) return 'never-sent';
  const { failure, status = 0 } = error;
  return failure === 'rejected' || (status >= 400 && status < 500 && status !== 408) ? 'refused' : 'unknown';
}
