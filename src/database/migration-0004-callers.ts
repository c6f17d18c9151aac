import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** Who decided about an entry or asked for a replay, and in which request. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table ledger add column decided_by text, add column decision_request_id text`.execute(db);
  await sql`alter table delivery_replays add column requested_by text, add column request_id text`.execute(
    db,
  );
  // Old attempts are deleted.
  await sql`create index if not exists delivery_attempts_started_at_idx on delivery_attempts (started_at)`.execute(
    db,
  );
}
