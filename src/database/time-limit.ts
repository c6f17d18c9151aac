import { StorageUnavailable } from './storage-error.js';

/** A time limit as drivers and servers take it: whole milliseconds, and never 0, which would mean "no limit". */
export function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}

/**
 * Settles with `work`, or rejects with StorageUnavailable after `limitMs`. The work goes on unobserved: what it is stuck
 * in has to end by a limit of its own.
 */
export async function withinTime<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new StorageUnavailable('no answer in time')), wholeMs(limitMs));
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
