import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** What was quarantined or discarded is found by its signed text: for the decisions that hold for every cut of it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create index ledger_text_not_accepted on ledger (signed_text_hash)
    where status in ('quarantined', 'discarded')`.execute(db);
}
