import { longestTimerMs } from '../config/timers.js';

/**
 * Runs some work that may take `ms` at the most. Late work is told by its signal, and its outcome no longer matters.
 * @throws what `late` makes, once the time is over
 */
export function within<T>(
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  late: () => Error,
): Promise<T> {
  const controller = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(
      () => {
        controller.abort();
        reject(late());
      },
      Math.min(Math.max(0, ms), longestTimerMs),
    );
    const done = () => clearTimeout(timer);
    work(controller.signal).finally(done).then(resolve, reject);
  });
}
