import { BulkheadRejectedError, bulkhead } from 'cockatiel';
import { rateLimited } from '../problem/problem-catalogue.js';

/** Scans that may wait for their turn. */
const MAX_QUEUED = 10;
const RETRY_AFTER_SECONDS = 5;

/** Lets one caller at a time read the entries of a window, which may be all that there are. */
export class LedgerScans {
  private readonly queue = bulkhead(1, MAX_QUEUED);

  /** @throws Problem `rate-limited`, when too many wait already */
  async run<T>(scan: () => Promise<T>): Promise<T> {
    try {
      return await this.queue.execute(scan);
    } catch (error) {
      throw error instanceof BulkheadRejectedError ? rateLimited(RETRY_AFTER_SECONDS) : error;
    }
  }
}
