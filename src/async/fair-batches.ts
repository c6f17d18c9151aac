import { AsyncLocalStorage } from 'node:async_hooks';
import { BulkheadFullError } from './fair-bulkhead.js';
import { FairQueue } from './fair-queue.js';

interface Entry<T, R> {
  readonly key: unknown;
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
  readonly patience: NodeJS.Timeout;
}

/** Items of a batch that failed which are tried at a time. */
const CONCURRENT_ALONE = 3;

export interface BatchOptions {
  /** How many batches run at a time. */
  readonly concurrency: number;
  /** How long a batch runs before the next one starts beside it, in milliseconds. */
  readonly staggerMs?: number;
  readonly batchSize: number;
  readonly maxWaiting: number;
  /** How long an item waits for its batch to start, in milliseconds. */
  readonly patienceMs: number;
  /** Whether one item alone may be the reason why the work of a batch failed. Each item is then tried alone. */
  readonly mayConcernOne: (error: unknown) => boolean;
}

/**
 * Does the work of many items at once. A batch starts at the end of the turn of the event loop in which there is an item for it, and
 * takes all that wait meanwhile: a single item does not wait for others. Items with equal keys are never in batches that run at the
 * same time, and the keys take turns.
 */
export class FairBatches<T, R> {
  private readonly waiting: FairQueue<Entry<T, R>>;
  /** The keys of the items that are worked on. */
  private readonly busy = new Set<unknown>();
  /** When the batches that run started, the oldest one first. */
  private readonly starts: number[] = [];
  private isScheduled = false;
  private stagger: NodeJS.Timeout | undefined;
  /** A batch belongs to none of the requests that its items came with. */
  private readonly inNoRequest = AsyncLocalStorage.snapshot();

  /** @param work returns one result for each item, in their order */
  constructor(
    private readonly work: (items: readonly T[]) => Promise<readonly R[]>,
    private readonly options: BatchOptions,
  ) {
    this.waiting = new FairQueue(options.maxWaiting);
  }

  /** @throws BulkheadFullError if it was never tried, or what the work throws */
  execute(key: unknown, item: T): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const patience = setTimeout(() => {
        this.waiting.delete(key, entry);
        reject(new BulkheadFullError());
      }, this.options.patienceMs);
      const entry: Entry<T, R> = { key, item, resolve, reject, patience };
      const dropped = this.waiting.add(key, entry);
      if (dropped) {
        clearTimeout(dropped.patience);
        dropped.reject(new BulkheadFullError());
      }
      this.schedule();
    });
  }

  private schedule(): void {
    const { concurrency, staggerMs = 0 } = this.options;
    if (this.isScheduled || this.starts.length === concurrency || this.waiting.size === 0) return;
    const waitMs = (this.starts.at(-1) ?? -Infinity) + staggerMs - performance.now();
    if (waitMs > 0) {
      this.stagger ??= setTimeout(() => {
        this.stagger = undefined;
        this.schedule();
      }, waitMs);
      return;
    }
    this.isScheduled = true;
    this.inNoRequest(() => setImmediate(() => this.startBatch()));
  }

  private startBatch(): void {
    this.isScheduled = false;
    const entries = this.waiting.take(this.options.batchSize, (key) => this.busy.has(key));
    // Those that wait have the keys of a batch that runs: its end starts the next one.
    if (entries.length === 0) return;
    const start = performance.now();
    this.starts.push(start);
    void this.run(entries).finally(() => {
      this.starts.splice(this.starts.indexOf(start), 1);
      this.schedule();
    });
    this.schedule();
  }

  private async run(entries: readonly Entry<T, R>[]): Promise<void> {
    for (const { key, patience } of entries) {
      clearTimeout(patience);
      this.busy.add(key);
    }
    try {
      const results = await this.work(entries.map(({ item }) => item));
      for (const [index, { resolve }] of entries.entries()) resolve(results[index]!);
    } catch (error) {
      if (entries.length > 1 && this.options.mayConcernOne(error)) {
        // Not part of this batch: the next one need not wait for the one that is the reason.
        void this.runAlone(entries.values());
        return;
      }
      for (const { reject } of entries) reject(error);
    }
    for (const { key } of entries) this.busy.delete(key);
  }

  private async runAlone(entries: Iterator<Entry<T, R>> & Iterable<Entry<T, R>>): Promise<void> {
    const runSome = async () => {
      for (const entry of entries) {
        await this.run([entry]);
        this.schedule();
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT_ALONE }, runSome));
  }
}
