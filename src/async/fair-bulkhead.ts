/** Too many calls wait already. */
export class BulkheadFullError extends Error {}

interface Waiting {
  readonly start: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Limits how many calls run at a time. Others wait in one queue for each caller, and the callers take turns: one who sends many calls
 * waits for himself, and not the others for him. When all queues together are full, the longest one loses its last call.
 */
export class FairBulkhead {
  private running = 0;
  private waiting = 0;
  /** In the order of their turns. None is empty. */
  private readonly queues = new Map<string, Waiting[]>();

  constructor(
    private readonly concurrency: number,
    private readonly maxWaiting: number,
  ) {}

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
      const next = this.takeNext();
      // The next call takes over the place of this one.
      if (next) next.start();
      else this.running -= 1;
    }
  }

  private waitForTurn(caller: string, signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (this.waiting >= this.maxWaiting && !this.dropFromLongest(this.queues.get(caller)?.length ?? 0))
        return reject(new BulkheadFullError());
      const cancel = () => {
        this.remove(caller, entry);
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
      this.waiting += 1;
      const queue = this.queues.get(caller);
      if (queue) queue.push(entry);
      else this.queues.set(caller, [entry]);
    });
  }

  private takeNext(): Waiting | undefined {
    const [first] = this.queues;
    if (!first) return undefined;
    const [caller, queue] = first;
    const next = queue.shift();
    this.waiting -= 1;
    // At the end of the order.
    this.queues.delete(caller);
    if (queue.length > 0) this.queues.set(caller, queue);
    return next;
  }

  private remove(caller: string, entry: Waiting): void {
    const rest = this.queues.get(caller)?.filter((each) => each !== entry) ?? [];
    this.waiting -= 1;
    if (rest.length > 0) this.queues.set(caller, rest);
    else this.queues.delete(caller);
  }

  /** @returns whether another caller had more calls waiting than this one will have */
  private dropFromLongest(ownLength: number): boolean {
    const [caller, longest] = [...this.queues].reduce(
      (a, b) => (b[1].length > a[1].length ? b : a),
      ['', []],
    );
    if (longest.length <= ownLength + 1) return false;
    const last = longest.at(-1)!;
    this.remove(caller, last);
    last.reject(new BulkheadFullError());
    return true;
  }
}
