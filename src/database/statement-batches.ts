import type { Kysely } from 'kysely';
import { FairBatches } from '../async/fair-batches.js';
import { BulkheadFullError } from '../async/fair-bulkhead.js';
import type { Database, PoolName } from './database.js';
import { StorageUnavailableError, waitedForLock } from './storage-error.js';
import type { Tables } from './tables.js';

interface StatementBatchOptions {
  /** The most items of a statement. */
  batchSize?: number;
  /** Whose connections are used. */
  pool?: PoolName;
  /** The most statements at a time. By default, the next one is on its way while one is committed. */
  concurrency?: number;
  /** How long one runs before the next one starts beside it, in milliseconds. */
  staggerMs?: number;
}

const MAX_WAITING = 5_000;

/** Runs one statement for many requests: those that arrive while others are stored share the next statement, and its commit. */
export class StatementBatches<T, R> {
  private readonly batches: FairBatches<T, R>;

  /**
   * @param work one statement; returns one result for each item, in their order
   */
  constructor(
    database: Database,
    work: (db: Kysely<Tables>, items: readonly T[]) => Promise<readonly R[]>,
    { batchSize = 64, pool = 'callbacks', concurrency = 2, staggerMs = 0 }: StatementBatchOptions = {},
  ) {
    this.batches = new FairBatches((items) => database.run((db) => work(db, items), pool), {
      concurrency,
      staggerMs,
      batchSize,
      maxWaiting: MAX_WAITING,
      patienceMs: database.timeoutMs,
      // A row that the statement cannot take, or one that another transaction has locked.
      mayConcernOne: (error) => !(error instanceof StorageUnavailableError) || waitedForLock(error),
    });
  }

  /**
   * @param key items with equal keys take turns with the others: who sends one callback many times waits for himself
   * @throws StorageUnavailableError
   */
  async execute(key: unknown, item: T): Promise<R> {
    try {
      return await this.batches.execute(key, item);
    } catch (error) {
      if (!(error instanceof BulkheadFullError)) throw error;
      throw new StorageUnavailableError('too many requests wait', { cause: error });
    }
  }
}
