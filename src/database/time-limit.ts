import { withTimeout } from '../async/time-limit.js';
import { StorageUnavailableError } from './storage-error.js';

/** A time limit as drivers and servers take it: whole milliseconds, and never 0, which would mean "no limit". */
export function toPositiveMs(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}

/**
 * Settles with `work`, or rejects with StorageUnavailable after `limitMs`. The work goes on unobserved: what it is stuck
 * in has to end by a limit of its own.
 */
export function withStorageTimeout<T>(limitMs: number, work: Promise<T>): Promise<T> {
  return withTimeout(
    toPositiveMs(limitMs),
    () => work,
    () => new StorageUnavailableError('no answer in time'),
  );
}
