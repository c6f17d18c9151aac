import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from './database.js';
import { DataDirUnusableError } from './data-dir-lock.js';

const RETRY_MS = 1_000;

/**
 * Migrates, again and again until it works. A service that starts before its database, or before somebody has put it right, stays
 * up meanwhile.
 * @param onFailure told of every failed attempt
 * @throws AbortError once `signal` is aborted; DataFolderUnusable
 */
export async function waitForDatabase(
  database: Database,
  { signal, onFailure }: { signal: AbortSignal; onFailure?: (error: unknown) => void },
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await database.migrate();
    } catch (error) {
      if (error instanceof DataDirUnusableError) throw error;
      onFailure?.(error);
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}
