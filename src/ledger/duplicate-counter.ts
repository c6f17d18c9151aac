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
 * Counts how often a callback was received again. Many duplicates at once would wait for the lock of the same row, so
 * they share a few updates. If the database is unavailable, the count is lost, but the response is still `duplicate`.
 */
export class DuplicateCounter {
  private readonly pending = new Map<string, PendingCount>();

  constructor(private readonly database: Database) {}

  async count(id: string): Promise<void> {
    const pending = this.pending.get(id) ?? this.addPending(id);
    pending.repeats += 1;
    pending.callers += 1;
    try {
      await pending.write();
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
    } finally {
      pending.callers -= 1;
      if (pending.callers === 0) this.pending.delete(id);
    }
  }

  private addPending(id: string): PendingCount {
    const pending: PendingCount = {
      repeats: 0,
      callers: 0,
      write: trailingSingleFlight(async () => {
        const { repeats } = pending;
        pending.repeats = 0;
        await this.database.run((db) =>
          db
            .updateTable('ledger')
            .set({ duplicates: sql`duplicates + ${repeats}` })
            .where('id', '=', id)
            .execute(),
        );
      }),
    };
    this.pending.set(id, pending);
    return pending;
  }
}
