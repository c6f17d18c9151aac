import type { Kysely } from 'kysely';
import { FairBatches } from '../async/fair-batches.js';
import { BulkheadFullError } from '../async/fair-bulkhead.js';
import type { Database, PoolName } from './database.js';
import { StorageUnavailableError, waitedForLock } from './storage-error.js';
import type { Tables } from './tables.js';

/** While one batch is committed, the next one is on its way. */
const CONCURRENCY = 2;
const BATCH_SIZE = 64;
const MAX_WAITING = 5_000;

/** Runs one statement for many requests: those that arrive while others are stored share the next statement, and its commit. */
export class StatementBatches<T, R> {
  private readonly batches: FairBatches<T, R>;

  /**
   * @param work one statement; returns one result for each item, in their order
   * @param batchSize the most items of a statement
   * @param pool whose connections it uses
   */
  constructor(
    database: Database,
    work: (db: Kysely<Tables>, items: readonly T[]) => Promise<readonly R[]>,
    batchSize = BATCH_SIZE,
    pool: PoolName = 'callbacks',
  ) {
    this.batches = new FairBatches((items) => database.run((db) => work(db, items), pool), {
      concurrency: CONCURRENCY,
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
