import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Database } from './database.js';
import { firstContact } from './first-contact.js';

/** Opens the database with the application, and closes it after the last request. */
@Injectable()
export class DatabaseLife implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Database');
  private readonly stopping = new AbortController();

  constructor(private readonly database: Database) {}

  /** A server that is away is waited for in the background. The embedded database is ours alone: a start without it fails. */
  async onModuleInit(): Promise<void> {
    const { signal } = this.stopping;
    const contact = firstContact(this.database, {
      signal,
      onFailure: ({ message }) =>
        this.logger.warn({ msg: 'the database cannot be used yet', reason: message }),
    });
    if (this.database.kind === 'embedded') return contact;
    contact
      .then(() => this.logger.log({ msg: 'the database is in use' }))
      .catch((error: unknown) => {
        if (!signal.aborted)
          this.logger.error({ msg: 'the database cannot be migrated', error: nameOf(error) });
      });
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.database.close();
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
