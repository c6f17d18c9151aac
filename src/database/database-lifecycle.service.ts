import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Database } from './database.js';
import { EmbeddedDatabaseError } from './embedded-error.js';
import { IncompatibleSchemaError } from './migrations.js';
import { StorageUnavailableError, UnsupportedEncodingError } from './storage-error.js';
import { summarizeError } from '../log/error-summary.js';

const RETRY_MS = 1_000;

/** Migrates the database when the application starts, and tries again until it succeeds. */
@Injectable()
export class DatabaseLifecycleService implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Database');
  private readonly shutdown = new AbortController();

  constructor(private readonly database: Database) {}

  /** The start does not wait for the database: the service reports meanwhile that it is not ready. */
  onModuleInit(): void {
    const ready = waitForDatabase(this.database, {
      signal: this.shutdown.signal,
      onFailure: (error) => {
        const isOwn =
          error instanceof StorageUnavailableError ||
          error instanceof IncompatibleSchemaError ||
          error instanceof UnsupportedEncodingError;
        const facts = isOwn ? { reason: error.message } : summarizeError(error);
        this.logger.warn({ msg: 'database unavailable', ...facts });
      },
    });
    void ready.then(
      () => this.logger.log({ msg: 'database ready' }),
      (error: unknown) => {
        // Thrown where nobody waits, it ends the process. Otherwise the application shuts down.
        if (error instanceof EmbeddedDatabaseError) throw error;
      },
    );
  }

  onApplicationShutdown(): void {
    this.shutdown.abort();
  }
}

/**
 * Migrates again and again until it succeeds. A service that starts before its database keeps running meanwhile.
 * @param onFailure called after every failed attempt
 * @throws AbortError once `signal` is aborted; EmbeddedDatabaseError
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
      if (error instanceof EmbeddedDatabaseError) throw error;
      signal.throwIfAborted();
      onFailure?.(error);
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}
