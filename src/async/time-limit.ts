/**
 * Runs some work that may take `ms` at the most. Late work is told by its signal, and its outcome no longer matters.
 * @throws what `late` makes, once the time is over
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
