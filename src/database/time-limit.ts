import { withTimeout } from '../async/time-limit.js';
import { StorageUnavailableError } from './storage-error.js';

/** A time limit for drivers and servers: whole milliseconds, and never 0, which means no limit. */
export function toPositiveMs(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}

/**
 * Settles with the work, or rejects with StorageUnavailableError after `limitMs`. The signal of the work then aborts. A
 * statement in flight is not cancelled: it ends by a time limit of its own.
 */
export function withStorageTimeout<T>(
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withTimeout(toPositiveMs(limitMs), work, () => new StorageUnavailableError('no response in time'));
}
