import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** The feed positions that were assigned together, so that a cursor shows whether this database has them: see `ledger/ledger-feed.ts`. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create table ledger_feed_batches (
    last_position bigint primary key,
    token text collate "C" not null default left(gen_random_uuid()::text, 8)
  )`,
  // All earlier positions.
  `insert into ledger_feed_batches (last_position) select last_value from ledger_feed_position where is_called`,
];
