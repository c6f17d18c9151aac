import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Database } from './database.js';
import { waitForDatabase } from './first-contact.js';
import { IncompatibleSchemaError } from './migrations.js';
import { StorageUnavailableError } from './storage-error.js';
import { summarizeError } from '../log/error-summary.js';

/** Opens the database with the application, and closes it after the last request. */
@Injectable()
export class DatabaseLifecycle implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Database');
  private readonly stopping = new AbortController();

  constructor(private readonly database: Database) {}

  /** A server that is away is waited for in the background. The embedded database is ours alone: a start without it fails. */
  async onModuleInit(): Promise<void> {
    const { signal } = this.stopping;
    const contact = waitForDatabase(this.database, {
      signal,
      onFailure: (error) => {
        const told = error instanceof StorageUnavailableError || error instanceof IncompatibleSchemaError;
        const facts = told ? { reason: error.message } : summarizeError(error);
        this.logger.warn({ msg: 'database unavailable', ...facts });
      },
    });
    if (this.database.kind === 'embedded') return contact;
    // It ends when the process stops, or with success.
    contact.then(
      () => this.logger.log({ msg: 'database ready' }),
      () => undefined,
    );
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.database.close();
  }
}
