import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Does a kind of work over and over: again at once while there is more, at the next `wake` or after a pause otherwise.
 * After a failure it pauses.
 */
export class PollingLoop {
  private wakeUp = new AbortController();
  private stopped = false;
  private running: Promise<void> | undefined;

  /**
   * @param work resolves to whether there may be more to do now
   * @param intervalMs between two looks when nobody wakes it
   * @param onFailure told of what the work throws
   */
  constructor(
    private readonly work: () => Promise<boolean>,
    private readonly intervalMs: number,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  notify(): void {
    this.wakeUp.abort();
  }

  /** @returns when the work under way is done; none begins any more */
  async stop(): Promise<void> {
    this.stopped = true;
    this.notify();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      // A wake-up during the work is about something that the work may have looked for too early.
      this.wakeUp = new AbortController();
      const more = await this.work().catch((error: unknown) => {
        this.onFailure(error);
        return false;
      });
      if (more) continue;
      // Replicas that started together are not to ask together.
      const delayMs = this.intervalMs * (0.75 + Math.random() / 2);
      await sleep(delayMs, undefined, { signal: this.wakeUp.signal }).catch(() => undefined);
    }
  }
}
