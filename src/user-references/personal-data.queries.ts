import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Tables } from '../database/tables.js';
import { sha256Key } from '../database/text-columns.js';

/** Forgets that a user went to Kiip. @returns the reference that went there instead of the id, if any; undefined for an unknown user */
export async function eraseFromUserReferences(db: Kysely<Tables>, userId: string) {
  return db
    .deleteFrom('kiip_user_references')
    .where('user_id_hash', '=', sha256Key(userId))
    .returning(['reference', 'first_sent_at'])
    .executeTakeFirst();
}

export function exportFromUserReferences(db: Kysely<Tables>, userId: string) {
  return db
    .selectFrom('kiip_user_references')
    .select(['reference', 'first_sent_at'])
    .where('user_id_hash', '=', sha256Key(userId))
    .execute();
}

/** Deletes up to `limit` users that first went to Kiip before. @returns how many */
export async function deleteOldUsers(db: Kysely<Tables>, before: Date, limit: number): Promise<number> {
  const { rows } = await sql<{ deleted: number }>`
    with deleted as (
      delete from kiip_user_references where ctid = any(array(
        select ctid from kiip_user_references
        where first_sent_at < ${before} order by first_sent_at limit ${limit} for update skip locked
      )) returning 1
    )
    select count(*)::int as deleted from deleted`.execute(db);
  return rows[0]!.deleted;
}
