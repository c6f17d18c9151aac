import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Repeats work: at once while there is more, otherwise at the next `notify` or after the interval. After a failure, it waits for the
 * interval.
 */
export class PollingLoop {
  private isNotified = false;
  /** Ends the wait for the next run, if there is one. */
  private wakeUp: (() => void) | undefined;
  private stopped = false;
  private running: Promise<void> | undefined;

  /**
   * @param work resolves to whether there may be more work now
   * @param intervalMs the time between two runs without a notification; jitter takes away up to 25 %
   * @param onFailure receives what the work throws
   * @param minIntervalMs the time between the starts of two runs when notifications come faster, so that a run has more to do
   */
  constructor(
    private readonly work: () => Promise<boolean>,
    private readonly intervalMs: number,
    private readonly onFailure: (error: unknown) => void,
    private readonly minIntervalMs = 0,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  notify(): void {
    this.isNotified = true;
    this.wakeUp?.();
  }

  /** Starts no further run, and resolves when the current one has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.notify();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const startedAtMs = performance.now();
      // A notification during the work may concern something that the work did not see yet.
      this.isNotified = false;
      const more = await this.work().catch((error: unknown) => {
        this.onFailure(error);
        return false;
      });
      // Jitter keeps replicas that started together from polling together.
      if (!more && !this.isNotified) await this.wait(this.intervalMs * (1 - 0.25 * Math.random()));
      const restMs = startedAtMs + this.minIntervalMs - performance.now();
      if (!more && restMs > 0 && !this.stopped) await sleep(restMs);
    }
  }

  private wait(delayMs: number): Promise<void> {
    return new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    }).finally(() => (this.wakeUp = undefined));
  }
}
