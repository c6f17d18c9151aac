import { sql } from 'kysely';
import { trailingSingleFlight } from '../async/trailing-single-flight.js';
import type { Database } from '../database/database.js';
import { StorageUnavailableError } from '../database/storage-error.js';

interface PendingCount {
  repeats: number;
  callers: number;
  write: () => Promise<void>;
}

/**
 * Counts how often a callback came again. A thousand repeats at once all want the same row's lock; here they share a
 * few updates. A repeat that cannot be counted is a repeat nevertheless: losing the database costs counts, not answers.
 */
export class DuplicateCounter {
  private readonly pending = new Map<string, PendingCount>();

  constructor(private readonly database: Database) {}

  async count(id: string): Promise<void> {
    const waiting = this.pending.get(id) ?? this.addPending(id);
    waiting.repeats += 1;
    waiting.callers += 1;
    try {
      await waiting.write();
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
    } finally {
      waiting.callers -= 1;
      if (waiting.callers === 0) this.pending.delete(id);
    }
  }

  private addPending(id: string): PendingCount {
    const waiting: PendingCount = {
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
    this.pending.set(id, waiting);
    return waiting;
  }
}
