import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Tables } from '../database/tables.js';

/** Deletes up to `limit` keys, with the responses to them, whose time is over. @returns how many */
export async function deleteExpiredKeys(db: Kysely<Tables>, limit: number): Promise<number> {
  const { rows } = await sql<{ deleted: number }>`
    with deleted as (
      delete from idempotency_keys where ctid = any(array(
        select ctid from idempotency_keys where expires_at <= now()
        order by expires_at limit ${limit} for update skip locked
      )) returning 1
    )
    select count(*)::int as deleted from deleted`.execute(db);
  return rows[0]!.deleted;
}
