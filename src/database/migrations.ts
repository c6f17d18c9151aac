import { type Kysely, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import * as ledger from './migration-0001-ledger.js';
import * as deliveries from './migration-0002-deliveries.js';
import * as decisions from './migration-0003-decisions.js';
import type { Tables } from './tables.js';

/** In the order of their names. What has run on any database is never changed again: add a file. */
const MIGRATIONS = { '0001-ledger': ledger, '0002-deliveries': deliveries, '0003-decisions': decisions };

/** Any number, as long as nobody else in this database uses it. */
const MIGRATION_LOCK = 7_261_903_441n;

/** Brings the schema up to date, or waits for the process that is doing it. All or nothing: one transaction. */
export async function migrateToLatest(db: Kysely<Tables>): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(transaction);
    const migrator = new Migrator({
      db: transaction,
      provider: { getMigrations: () => Promise.resolve(MIGRATIONS) },
      migrationTableName: 'schema_migrations',
      migrationLockTableName: 'schema_migrations_lock',
    });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
  });
}
