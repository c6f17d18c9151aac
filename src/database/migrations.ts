import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { MIGRATION_LOCK } from './advisory-locks.js';
import * as initial from './migration-0001-initial.js';
import * as promisedRewards from './migration-0002-promised-rewards.js';
import * as availability from './migration-0003-availability.js';
import * as callers from './migration-0004-callers.js';
import * as growth from './migration-0005-growth.js';
import * as audit from './migration-0006-audit.js';
import * as feedBatches from './migration-0007-feed-batches.js';
import * as pauses from './migration-0008-pauses.js';
import * as largeTables from './migration-0009-large-tables.js';
import * as userRewards from './migration-0010-user-rewards.js';
import { UnsupportedEncodingError } from './storage-error.js';
import type { Tables } from './tables.js';

interface Migration {
  up(db: Kysely<unknown>): Promise<void>;
}

/**
 * In the order of their names. A migration that has run in a deployment never changes: add a file.
 *
 * They run while pods of the previous version serve, whose callbacks wait for every lock, and only add: see "Migrations" in
 * docs/architecture.md.
 */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-initial': initial,
  '0002-promised-rewards': promisedRewards,
  '0003-availability': availability,
  '0004-callers': callers,
  '0005-growth': growth,
  '0006-audit': audit,
  '0007-feed-batches': feedBatches,
  '0008-pauses': pauses,
  '0009-large-tables': largeTables,
  '0010-user-rewards': userRewards,
};

export const MIGRATION_NAMES: readonly string[] = Object.keys(MIGRATIONS);

/** A migration takes table locks. It gives up instead of blocking all other statements behind a long read, and is tried again. */
const LOCK_TIMEOUT_MS = 2_000;

/** Many programs call theirs `schema_migrations`, as version 0.1 did. */
const TABLE = 'gateway_migrations';
const FORMER_TABLE = 'schema_migrations';

/** The database has migrations that this version does not know, and lacks some that it does. The message names migrations only. */
export class IncompatibleSchemaError extends Error {
  override readonly name = 'IncompatibleSchemaError';
}

/**
 * Brings the schema up to date, in one transaction, after waiting for any other process that does so. A schema that a later
 * version has migrated stays as it is, so that the previous version works after a rollback.
 * @param timeoutMs the time limit of each statement: migrations may rewrite tables
 * @throws IncompatibleSchemaError, UnsupportedEncodingError
 */
export async function migrateToLatest(db: Kysely<Tables>, timeoutMs: number): Promise<void> {
  await requireUtf8(db);
  await db.transaction().execute(async (transaction) => {
    // For this transaction alone: behind a connection pooler, others use the connection as well.
    for (const name of ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'])
      await sql`set local ${sql.raw(name)} = ${sql.lit(timeoutMs)}`.execute(transaction);
    await sql`select pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(transaction);
    await sql`set local lock_timeout = ${sql.lit(LOCK_TIMEOUT_MS)}`.execute(transaction);
    await createTable(transaction);
    const executed = await findExecuted(transaction);
    const pending = Object.entries(MIGRATIONS).filter(([name]) => !executed.includes(name));
    const later = executed.filter((name) => !Object.hasOwn(MIGRATIONS, name));
    if (later.length > 0 && pending.length > 0) {
      const missing = pending.map(([name]) => name).join(', ');
      throw new IncompatibleSchemaError(`the database has ${later.join(', ')}, but not ${missing}`);
    }
    for (const [name, migration] of pending) {
      await migration.up(transaction as unknown as Kysely<unknown>);
      await sql`insert into ${sql.table(TABLE)} (name, timestamp) values (${name}, now()::text)`.execute(
        transaction,
      );
    }
  });
}

/** In any other encoding, a name or a user id with a character that it lacks could not be stored, and a reward would be lost. */
async function requireUtf8(db: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{
    encoding: string;
  }>`select current_setting('server_encoding') as encoding`.execute(db);
  const encoding = rows[0]?.encoding ?? 'unknown';
  if (encoding !== 'UTF8') throw new UnsupportedEncodingError(encoding);
}

/**
 * Creates the table of migrations, in our schema. The table of version 0.1 gets the new name, and leaves a view:
 * that version finds it when it is started again.
 */
async function createTable(db: Kysely<Tables>): Promise<void> {
  if (await exists(db, TABLE)) return;
  if (!(await isFormer(db))) {
    await sql`create table ${sql.table(TABLE)} (name text primary key, timestamp text not null)`.execute(db);
    return;
  }
  await sql`alter table ${sql.table(FORMER_TABLE)} rename to ${sql.table(TABLE)}`.execute(db);
  await sql`create view ${sql.table(FORMER_TABLE)} as select * from ${sql.table(TABLE)}`.execute(db);
}

/** Whether `schema_migrations` is ours, and not another program's: version 0.1 created it together with the ledger. */
async function isFormer(db: Kysely<Tables>): Promise<boolean> {
  if (!(await exists(db, FORMER_TABLE)) || !(await exists(db, 'ledger'))) return false;
  const { rows } = await sql<{ columns: string[] }>`
    select array_agg(column_name::text order by column_name) as columns from information_schema.columns
    where table_schema = current_schema() and table_name = ${FORMER_TABLE}`.execute(db);
  return rows[0]?.columns.join() === 'name,timestamp';
}

async function exists(db: Kysely<Tables>, table: string): Promise<boolean> {
  const { rows } = await sql`
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = current_schema() and c.relname = ${table}`.execute(db);
  return rows.length > 0;
}

async function findExecuted(db: Kysely<Tables>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(TABLE)} order by name`.execute(
    db,
  );
  return rows.map(({ name }) => name);
}
