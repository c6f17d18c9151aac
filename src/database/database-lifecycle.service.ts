import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { DataDirUnusableError } from './data-dir-lock.js';
import { Database } from './database.js';
import { IncompatibleSchemaError } from './migrations.js';
import { StorageUnavailableError } from './storage-error.js';
import { summarizeError } from '../log/error-summary.js';

const RETRY_MS = 1_000;

/** Migrates the database when the application starts, and tries again until it succeeds. */
@Injectable()
export class DatabaseLifecycleService implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Database');
  private readonly shutdown = new AbortController();

  constructor(private readonly database: Database) {}

  /** The start does not wait for a PostgreSQL server. It waits for the embedded database, and fails when that cannot be used. */
  async onModuleInit(): Promise<void> {
    const ready = waitForDatabase(this.database, {
      signal: this.shutdown.signal,
      onFailure: (error) => {
        const isOwn = error instanceof StorageUnavailableError || error instanceof IncompatibleSchemaError;
        const facts = isOwn ? { reason: error.message } : summarizeError(error);
        this.logger.warn({ msg: 'database unavailable', ...facts });
      },
    });
    if (this.database.kind === 'embedded') return ready;
    // It rejects only when the application shuts down.
    ready.then(
      () => this.logger.log({ msg: 'database ready' }),
      () => undefined,
    );
  }

  onApplicationShutdown(): void {
    this.shutdown.abort();
  }
}

/**
 * Migrates again and again until it succeeds. A service that starts before its database keeps running meanwhile.
 * @param onFailure called after every failed attempt
 * @throws AbortError once `signal` is aborted; DataDirUnusableError
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
