import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { backoffMs } from '../async/backoff.js';
import type { EmbeddedServer } from './embedded-server.js';
import { migrateToLatest } from './migrations.js';
import { openPostgresql, usageOf, CLIENT_TIMEOUT_MARGIN_MS } from './postgresql.js';
import type { PoolUsage } from './postgresql.js';
import { isRepeatable, isUniqueViolation, sqlState, StorageUnavailableError } from './storage-error.js';
import type { Tables } from './tables.js';
import { toPositiveMs, withStorageTimeout } from './time-limit.js';

/** How often a work that the server asks to repeat is tried in all, within its time limit. */
const MAX_TRIES = 10;
const REPEAT_BACKOFF = { initialMs: 5, maxMs: 100, jitter: 1 };

/** Migrations may rewrite tables and wait for each other, so they get more time than the statements of a request. */
const MIGRATION_TIMEOUT_MS = 300_000;

/** What callbacks and moments need; the work of the process itself; what callers read and manage. */
const POOL_NAMES = ['callbacks', 'workers', 'reads'] as const;
export type PoolName = (typeof POOL_NAMES)[number];
const POOL_SIZE = 18;

/**
 * The maximum number of connections for each kind of work. Reads and workers cannot keep callbacks waiting: a callback that gets no
 * connection in time may be lost.
 */
function sizeOfPool(name: PoolName, total: number): number {
  const share = Math.max(2, Math.round((total * 2) / 9));
  return name === 'callbacks' ? total - 2 * share : share;
}

/** Probes do not ask the database more often than this. */
const PING_INTERVAL_MS = 1_000;

export interface DatabaseOptions {
  /** A PostgreSQL connection string, or the server that has one once it runs. */
  server: string | EmbeddedServer;
  /** The time limit of one statement, and of one `run` as a whole, in milliseconds. */
  timeoutMs: number;
  /** The maximum number of connections in all. */
  poolSize?: number;
}

export interface DatabaseState {
  /** The result of the last attempt; `unknown` before the first. */
  state: 'up' | 'down' | 'unknown';
  lastSuccessAt: Date | null;
  /** The last failure: our own text, or an SQLSTATE; never a driver's message. */
  lastFailure: { at: Date; reason: string } | null;
}

/**
 * The only access to the database. Its creation connects to nothing. After an outage it needs no restart: every `run` uses a
 * working connection or opens one.
 */
export class Database implements OnApplicationShutdown {
  private readonly options: DatabaseOptions;
  private readonly opening = new Map<PoolName, Promise<Kysely<Tables>>>();
  private readonly opened = new Map<PoolName, Kysely<Tables>>();
  private pendingPing: Promise<void> | undefined;
  private lastPingStartedAt = -Infinity;
  private readonly logger = new Logger('Database');
  private lastState: DatabaseState = { state: 'unknown', lastSuccessAt: null, lastFailure: null };
  private unexpected = 0;
  private isMigrated = false;
  private closed = false;

  constructor(options: DatabaseOptions) {
    this.options = options;
  }

  /** The time limit of one statement, in whole milliseconds. */
  get timeoutMs(): number {
    return toPositiveMs(this.options.timeoutMs);
  }

  state(): DatabaseState {
    return this.lastState;
  }

  /** Statements that failed although the database was available, since the start. */
  get unexpectedErrors(): number {
    return this.unexpected;
  }

  /** The connections of each pool, and how many it may have. */
  poolUsage(): readonly (PoolUsage & { pool: PoolName; max: number })[] {
    return POOL_NAMES.map((pool) => ({
      ...usageOf(this.opened.get(pool)),
      pool,
      max: sizeOfPool(pool, this.poolSize),
    }));
  }

  /** Whether `migrate` has succeeded. */
  get migrated(): boolean {
    return this.isMigrated;
  }

  /**
   * Runs work within the time limit. Each statement is a transaction of its own. When the server ends one only because of others
   * that run at the same time (40001, 40P01), the work is repeated.
   * @param work gets a signal that aborts when the time is over; work of several statements checks it before each
   * @param pool whose connections it uses
   * @throws StorageUnavailableError when the database was unavailable or did not respond in time, and before `migrate`;
   *   any other error of a statement unchanged
   */
  async run<T>(
    work: (db: Kysely<Tables>, signal: AbortSignal) => Promise<T>,
    pool: PoolName = 'callbacks',
  ): Promise<T> {
    if (!this.isMigrated) throw new StorageUnavailableError('not migrated yet');
    const result = withStorageTimeout(this.timeoutMs + CLIENT_TIMEOUT_MARGIN_MS, (signal) =>
      repeatWhenAsked(async () => work(await this.getConnection(pool), signal), signal),
    );
    // A read that is slow, or that waits for other reads, does not mean that the database is down.
    return this.track(result, pool !== 'reads');
  }

  /**
   * Brings the schema up to date. Any number of processes may do so at once. Call it again until it succeeds.
   * @throws StorageUnavailableError
   * @throws EmbeddedDatabaseError when the embedded database cannot be used
   */
  async migrate(): Promise<void> {
    await this.track(this.migrateSchema(), true);
    this.isMigrated = true;
  }

  /**
   * Checks that the database responds. Calls during a check share it: anybody may cause them, and each check takes a connection.
   * @throws StorageUnavailableError
   */
  ping(): Promise<void> {
    this.pendingPing ??= this.sendPing().finally(() => (this.pendingPing = undefined));
    return this.pendingPing;
  }

  /** Keeps `state` recent, in the background: it starts a check unless one is in flight or has just started. */
  refreshState(): void {
    if (performance.now() - this.lastPingStartedAt >= PING_INTERVAL_MS) this.ping().catch(() => undefined);
  }

  /** Waits for statements in flight, and stops the embedded server. */
  async close(): Promise<void> {
    this.closed = true;
    const pools = [...this.opening.values()];
    await Promise.all(pools.map(async (opening) => (await opening.catch(() => undefined))?.destroy()));
    const { server } = this.options;
    if (typeof server !== 'string') await server.stop();
  }

  onApplicationShutdown(): Promise<void> {
    return this.close();
  }

  private async track<T>(work: Promise<T>, tellsState: boolean): Promise<T> {
    try {
      const result = await work;
      if (tellsState) this.markUp();
      return result;
    } catch (error) {
      if (tellsState && error instanceof StorageUnavailableError && !this.closed)
        this.markDown(error.message);
      // Unique violations are expected: they decide who comes first.
      const state = isUniqueViolation(error) ? undefined : sqlState(error);
      if (state !== undefined) this.countUnexpected(state);
      throw error;
    }
  }

  private countUnexpected(state: string): void {
    this.unexpected += 1;
    this.logger.error({ msg: 'unexpected storage error', reason: state });
  }

  private markUp(): void {
    if (this.lastState.state === 'down' && this.isMigrated) this.logger.log({ msg: 'database reconnected' });
    this.lastState = { ...this.lastState, state: 'up', lastSuccessAt: new Date() };
  }

  private markDown(reason: string): void {
    // Failures before the first migration are logged by the code that waits for it.
    if (this.lastState.state === 'up' && this.isMigrated)
      this.logger.warn({ msg: 'database unavailable', reason });
    this.lastState = { ...this.lastState, state: 'down', lastFailure: { at: new Date(), reason } };
  }

  private async sendPing(): Promise<void> {
    this.lastPingStartedAt = performance.now();
    await this.run((db) => db.selectNoFrom((eb) => eb.lit(1).as('alive')).execute());
  }

  private getConnection(pool: PoolName): Promise<Kysely<Tables>> {
    if (this.closed) return Promise.reject(new StorageUnavailableError('closed'));
    let opening = this.opening.get(pool);
    if (!opening) {
      opening = this.open(pool).catch((error: unknown) => {
        this.opening.delete(pool);
        throw error;
      });
      this.opening.set(pool, opening);
    }
    return opening;
  }

  private async open(pool: PoolName): Promise<Kysely<Tables>> {
    const db = await openPostgresql({
      databaseUrl: await this.url(),
      timeoutMs: this.options.timeoutMs,
      poolSize: sizeOfPool(pool, this.poolSize),
      forCallbacks: pool === 'callbacks',
      keepsPlans: pool !== 'reads',
    });
    this.opened.set(pool, db);
    return db;
  }

  private get poolSize(): number {
    return this.options.poolSize ?? POOL_SIZE;
  }

  private url(): string | Promise<string> {
    const { server } = this.options;
    return typeof server === 'string' ? server : server.start();
  }

  private async migrateSchema(): Promise<void> {
    const db = await openPostgresql({
      databaseUrl: await this.url(),
      timeoutMs: this.options.timeoutMs,
      poolSize: 1,
      clientTimeoutMs: MIGRATION_TIMEOUT_MS,
    });
    try {
      await migrateToLatest(db, MIGRATION_TIMEOUT_MS);
    } finally {
      await db.destroy();
    }
  }
}

async function repeatWhenAsked<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isRepeatable(error) || tries === MAX_TRIES) throw error;
    }
    await sleep(backoffMs(tries, REPEAT_BACKOFF), undefined, { signal });
  }
}
