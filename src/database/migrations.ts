import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import * as ledger from './migration-0001-ledger.js';
import * as deliveries from './migration-0002-deliveries.js';
import * as decisions from './migration-0003-decisions.js';
import type { Tables } from './tables.js';

/** In the order of their names. What has run on any database is never changed again: add a file. */
const MIGRATIONS = { '0001-ledger': ledger, '0002-deliveries': deliveries, '0003-decisions': decisions };

/** Any number, as long as nobody else in this database uses it. */
const MIGRATION_LOCK = 7_261_903_441n;

/** A migration takes table locks: it does not make everybody else wait behind it for somebody's long reading, and is tried again. */
const LOCK_TIMEOUT_MS = 2_000;

const TABLE = 'schema_migrations';

/** The database has a history of another kind than ours. The message names migrations, nothing else. */
export class IncompatibleSchemaError extends Error {
  override readonly name = 'ForeignSchema';
}

/**
 * Brings the schema up to date, or waits for the process that is doing it. All or nothing: one transaction. A schema that a
 * later version has migrated further stays as it is: after a roll-back, the version before works on it.
 * @throws ForeignSchema
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
