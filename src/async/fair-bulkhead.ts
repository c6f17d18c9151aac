import { FairQueue } from './fair-queue.js';

/** Too many calls wait already. */
export class BulkheadFullError extends Error {}

interface Waiting {
  readonly start: () => void;
  readonly reject: (error: Error) => void;
}

/** Limits how many calls run at a time. Others wait in a FairQueue by their caller. */
export class FairBulkhead {
  private running = 0;
  private readonly waiting: FairQueue<Waiting>;

  constructor(
    private readonly concurrency: number,
    maxWaiting: number,
  ) {
    this.waiting = new FairQueue(maxWaiting);
  }

  /**
   * @param signal a call that still waits when it aborts never starts
   * @throws BulkheadFullError, or what the work throws
   */
  async execute<T>(caller: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.running < this.concurrency) this.running += 1;
    else await this.waitForTurn(caller, signal);
    try {
      return await work();
    } finally {
      const [next] = this.waiting.take(1);
      // The next call takes over the place of this one.
      if (next) next.start();
      else this.running -= 1;
    }
  }

  private waitForTurn(caller: string, signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const cancel = () => {
        this.waiting.delete(caller, entry);
        reject(signal.reason as Error);
      };
      const entry: Waiting = {
        start: () => {
          signal.removeEventListener('abort', cancel);
          resolve();
        },
        reject: (error) => {
          signal.removeEventListener('abort', cancel);
          reject(error);
        },
      };
      signal.addEventListener('abort', cancel, { once: true });
      this.waiting.add(caller, entry)?.reject(new BulkheadFullError());
    });
  }
}
