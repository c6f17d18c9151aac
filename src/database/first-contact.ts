import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from './database.js';
import { StorageUnavailable } from './storage-error.js';

const RETRY_MS = 1_000;

/**
 * Migrates, again and again until the database is there. A service that starts before its database stays up meanwhile.
 * @param onFailure told of every failed attempt
 * @throws AbortError once `signal` is aborted; whatever `migrate` throws that waiting cannot mend
 */
export async function firstContact(
  database: Database,
  { signal, onFailure }: { signal: AbortSignal; onFailure?: (error: StorageUnavailable) => void },
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await database.migrate();
    } catch (error) {
      if (!(error instanceof StorageUnavailable)) throw error;
      onFailure?.(error);
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}
