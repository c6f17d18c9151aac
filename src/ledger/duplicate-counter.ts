import { sql } from 'kysely';
import { trailingSingleFlight } from '../async/trailing-single-flight.js';
import type { Database } from '../database/database.js';
import { StorageUnavailable } from '../database/storage-error.js';

interface Waiting {
  repeats: number;
  callers: number;
  write: () => Promise<void>;
}

/**
 * Counts how often a callback came again. A thousand repeats at once all want the same row's lock; here they share a
 * few updates. A repeat that cannot be counted is a repeat nevertheless: losing the database costs counts, not answers.
 */
export class DuplicateCounter {
  private readonly waiting = new Map<string, Waiting>();

  constructor(private readonly database: Database) {}

  async count(id: string): Promise<void> {
    const waiting = this.waiting.get(id) ?? this.newlyWaiting(id);
    waiting.repeats += 1;
    waiting.callers += 1;
    try {
      await waiting.write();
    } catch (error) {
      if (!(error instanceof StorageUnavailable)) throw error;
    } finally {
      waiting.callers -= 1;
      if (waiting.callers === 0) this.waiting.delete(id);
    }
  }

  private newlyWaiting(id: string): Waiting {
    const waiting: Waiting = {
      repeats: 0,
      callers: 0,
      write: trailingSingleFlight(async () => {
        const { repeats } = waiting;
        waiting.repeats = 0;
        await this.database.run((db) =>
          db
            .updateTable('ledger')
            .set({ duplicates: sql`duplicates + ${repeats}` })
            .where('id', '=', id)
            .execute(),
        );
      }),
    };
    this.waiting.set(id, waiting);
    return waiting;
  }
}
