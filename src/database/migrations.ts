import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { MIGRATION_LOCK } from './advisory-locks.js';
import * as initial from './migration-0001-initial.js';
import * as callers from './migration-0002-callers.js';
import type { Tables } from './tables.js';

/** In the order of their names. A migration that has run in a deployment never changes: add a file. */
const MIGRATIONS = { '0001-initial': initial, '0002-callers': callers };

/** A migration takes table locks. It gives up instead of blocking all other statements behind a long read, and is tried again. */
const LOCK_TIMEOUT_MS = 2_000;

const TABLE = 'schema_migrations';

/** The database has migrations that this version does not know, and lacks some that it does. The message names migrations only. */
export class IncompatibleSchemaError extends Error {
  override readonly name = 'IncompatibleSchemaError';
}

/**
 * Brings the schema up to date, in one transaction, after waiting for any other process that does so. A schema that a later
 * version has migrated stays as it is, so that the previous version works after a rollback.
 * @throws IncompatibleSchemaError
 */
export async function migrateToLatest(db: Kysely<Tables>): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(transaction);
    await sql`set local lock_timeout = ${sql.lit(LOCK_TIMEOUT_MS)}`.execute(transaction);
    if (await isOfLaterVersion(transaction)) return;
    const migrator = new Migrator({
      db: transaction,
      provider: { getMigrations: () => Promise.resolve(MIGRATIONS) },
      migrationTableName: TABLE,
      migrationLockTableName: 'schema_migrations_lock',
    });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
  });
}

async function isOfLaterVersion(db: Kysely<Tables>): Promise<boolean> {
  const { rows: tables } = await sql`select 1 where to_regclass(${TABLE}) is not null`.execute(db);
  if (tables.length === 0) return false;
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(TABLE)}`.execute(db);
  const executed = rows.map(({ name }) => name);
  const later = executed.filter((name) => !Object.hasOwn(MIGRATIONS, name));
  const missing = Object.keys(MIGRATIONS).filter((name) => !executed.includes(name));
  if (later.length > 0 && missing.length > 0)
    throw new IncompatibleSchemaError(`the database has ${later.join(', ')}, but not ${missing.join(', ')}`);
  return later.length > 0;
}
