/**
 * Runs work with a time limit. When the time is over, the signal of the work aborts and its outcome is ignored.
 * @throws the error that `onTimeout` creates, when the time is over
 */
export function withTimeout<T>(
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  onTimeout: () => Error,
): Promise<T> {
  const controller = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(
      () => {
        controller.abort();
        reject(onTimeout());
      },
      Math.max(0, ms),
    );
    const clear = () => clearTimeout(timer);
    work(controller.signal).finally(clear).then(resolve, reject);
  });
}
