import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Tables } from '../database/tables.js';
import { sanitizeText } from '../database/text-columns.js';

/** Forgets which rewards the moments of a user returned. */
export async function eraseFromRewardedMoments(db: Kysely<Tables>, userId: string): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('kiip_rewarded_moments')
    .where('user_id', '=', sanitizeText(userId))
    .executeTakeFirst();
  return Number(numDeletedRows);
}

export function exportFromRewardedMoments(db: Kysely<Tables>, userId: string) {
  return db
    .selectFrom('kiip_rewarded_moments')
    .select(['reward_id', 'moment_id', 'virtual_value', 'rewarded_at'])
    .where('user_id', '=', sanitizeText(userId))
    .orderBy('rewarded_at')
    .execute();
}

/** Deletes up to `limit` rewards that were returned before. @returns how many */
export async function deleteOldRewardedMoments(
  db: Kysely<Tables>,
  before: Date,
  limit: number,
): Promise<number> {
  const { rows } = await sql<{ deleted: number }>`
    with deleted as (
      delete from kiip_rewarded_moments where reward_id in (
        select reward_id from kiip_rewarded_moments
        where rewarded_at < ${before} order by rewarded_at limit ${limit} for update skip locked
      ) returning 1
    )
    select count(*)::int as deleted from deleted`.execute(db);
  return rows[0]!.deleted;
}
