/**
 * Runs `work` for many callers at once. A call during a run waits for one further run, which all such calls share. So each call
 * is served by a run that started after it, and waits for two runs at most.
 */
export function trailingSingleFlight(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  function start(): Promise<void> {
    running = work().finally(() => {
      running = undefined;
    });
    return running;
  }

  async function runNext(current: Promise<void>): Promise<void> {
    // Only the callers that wait for the current run get its failure.
    await current.catch(() => undefined);
    next = undefined;
    await start();
  }

  return () => {
    if (!running) return start();
    next ??= runNext(running);
    return next;
  };
}
