import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** What large tables need, so that retention and deliveries cost the same as with small ones. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // RETENTION_USERS_DAYS.
  `create index if not exists kiip_user_references_first_sent_at_idx on kiip_user_references (first_sent_at)`,

  // By default a fifth of a table may be dead rows before it is vacuumed, and more in its indexes. Until then, a statement that looks for
  // what is due, or for the oldest of it, passes the index entries of all that was due before.
  ...['ledger', 'deliveries'].map(
    (table) =>
      `alter table ${table} set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000, vacuum_index_cleanup = on)`,
  ),
];
