import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** Consumers that a caller paused, and replays that one cancelled. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // A pause by a caller is for any URL: its `url_hash` is empty. A pause after a 410 has none of these.
  `alter table delivery_pauses add column paused_by text, add column request_id text, add column reason text`,
  `alter table delivery_replays add column is_cancelled boolean not null default false`,
];
