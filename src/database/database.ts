import { Logger } from '@nestjs/common';
import { Kysely } from 'kysely';
import { DataDirUnusableError, lockDataDir } from './data-dir-lock.js';
import { embeddedDialect } from './embedded.js';
import { migrateToLatest } from './migrations.js';
import { postgresqlDialect, CLIENT_TIMEOUT_MARGIN_MS } from './postgresql.js';
import { fromDriver, StorageUnavailableError } from './storage-error.js';
import type { Tables } from './tables.js';
import { toPositiveMs, withStorageTimeout } from './time-limit.js';

/** Migrations rewrite tables, and wait for each other; a statement on behalf of a caller does neither. */
const MIGRATION_TIMEOUT_MS = 300_000;

export interface DatabaseOptions {
  /** A PostgreSQL connection string; without it, the embedded database in `dataDir` is used. */
  databaseUrl?: string | undefined;
  dataDir: string;
  /** What one statement, and one `run` as a whole, may take, in milliseconds. */
  timeoutMs: number;
}

export interface DatabaseState {
  /** Of the last contact; `unknown` before the first. */
  state: 'up' | 'down' | 'unknown';
  lastSuccessAt: Date | null;
  /** What went wrong last: words of ours, or an SQLSTATE. */
  lastFailure: { at: Date; reason: string } | null;
}

/**
 * The one way to the database. Creating it connects to nothing, and it needs no new start to find a database again that
 * was away: every `run` takes a working connection or makes one.
 */
export class Database {
  readonly kind: 'postgresql' | 'embedded';
  private readonly options: DatabaseOptions;
  private opening: Promise<Kysely<Tables>> | undefined;
  private folder: { release: () => Promise<void> } | undefined;
  private readonly logger = new Logger('Database');
  private lastState: DatabaseState = { state: 'unknown', lastSuccessAt: null, lastFailure: null };
  private isMigrated = false;
  private closed = false;

  constructor(options: DatabaseOptions) {
    this.options = options;
    this.kind = options.databaseUrl === undefined ? 'embedded' : 'postgresql';
  }

  state(): DatabaseState {
    return this.lastState;
  }

  /** Whether there has been a first contact: the schema is there. */
  get migrated(): boolean {
    return this.isMigrated;
  }

  /**
   * Does some work within the time limit. A single statement is its own transaction; so far none of ours needs more.
   * @throws StorageUnavailable when the database was not there, refused or did not answer, and before `migrate`;
   *   whatever else a statement fails with, as it is
   */
  async run<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    if (!this.isMigrated) throw new StorageUnavailableError('not migrated yet');
    return this.trackState(
      withStorageTimeout(
        toPositiveMs(this.options.timeoutMs) + CLIENT_TIMEOUT_MARGIN_MS,
        this.getConnection().then((db) => work(db)),
      ),
    );
  }

  /**
   * Brings the schema up to date; any number of processes may do so at once. To be repeated until it succeeds.
   * @throws StorageUnavailable
   * @throws DataFolderUnusable when another process has the embedded database open
   */
  async migrate(): Promise<void> {
    await this.trackState(this.kind === 'embedded' ? this.migrateEmbedded() : this.migratePostgresql());
    this.isMigrated = true;
  }

  /** Asks for a sign of life. @throws StorageUnavailable */
  async ping(): Promise<void> {
    await this.run((db) => db.selectNoFrom((eb) => eb.lit(1).as('alive')).execute());
  }

  /** Waits for what is under way, and gives the data folder free. */
  async close(): Promise<void> {
    this.closed = true;
    const db = await this.opening?.catch(() => undefined);
    await db?.destroy();
    await this.folder?.release();
  }

  private async trackState<T>(work: Promise<T>): Promise<T> {
    try {
      const result = await work;
      if (this.lastState.state === 'down' && this.isMigrated)
        this.logger.log({ msg: 'database reconnected' });
      this.lastState = { ...this.lastState, state: 'up', lastSuccessAt: new Date() };
      return result;
    } catch (error) {
      if (error instanceof StorageUnavailableError && !this.closed) this.markDown(error.message);
      throw error;
    }
  }

  private markDown(reason: string): void {
    // Before the first contact, whoever waits for it tells.
    if (this.lastState.state === 'up' && this.isMigrated)
      this.logger.warn({ msg: 'database unavailable', reason });
    this.lastState = { ...this.lastState, state: 'down', lastFailure: { at: new Date(), reason } };
  }

  private getConnection(): Promise<Kysely<Tables>> {
    if (this.closed) return Promise.reject(new StorageUnavailableError('closed'));
    this.opening ??= this.open().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  private async open(): Promise<Kysely<Tables>> {
    const { databaseUrl, dataDir, timeoutMs } = this.options;
    if (databaseUrl !== undefined)
      return new Kysely({ dialect: await postgresqlDialect({ databaseUrl, timeoutMs }) });
    try {
      this.folder ??= await lockDataDir(dataDir);
    } catch (error) {
      throw error instanceof DataDirUnusableError ? error : fromDriver(error);
    }
    let lost = false;
    const onLost = () => {
      if (!lost) this.reopen(db);
      lost = true;
    };
    const db = new Kysely<Tables>({ dialect: await embeddedDialect(dataDir, onLost) });
    return db;
  }

  /** Two engines on the same files would damage them, so the broken one is put down first. */
  private reopen(broken: Kysely<Tables>): void {
    this.opening = broken
      .destroy()
      .catch(() => undefined)
      .then(() => this.open());
    this.opening.catch(() => {
      this.opening = undefined;
    });
  }

  private async migrateEmbedded(): Promise<void> {
    await migrateToLatest(await this.getConnection());
  }

  private async migratePostgresql(): Promise<void> {
    const { databaseUrl, timeoutMs } = this.options;
    if (databaseUrl === undefined) return;
    const dialect = await postgresqlDialect({
      databaseUrl,
      timeoutMs,
      poolSize: 1,
      statementTimeoutMs: MIGRATION_TIMEOUT_MS,
    });
    const db = new Kysely<Tables>({ dialect });
    try {
      await migrateToLatest(db);
    } finally {
      await db.destroy();
    }
  }
}
