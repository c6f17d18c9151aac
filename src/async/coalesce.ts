/**
 * Runs `work` for many callers at once: a call while a run is under way waits for one further run, which all such calls
 * share. So every call is served by a run that began after it, at two runs at most.
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
    // Its failure belongs to those who waited for it.
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
