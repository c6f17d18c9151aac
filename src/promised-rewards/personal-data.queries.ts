import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Tables } from '../database/tables.js';
import { sanitizeText } from '../database/text-columns.js';

/**
 * Forgets what the moments of a user returned. A callback for it that comes later is for an unknown reward.
 * @param reference the user reference that went to Kiip, if any
 */
export async function eraseFromMoments(
  db: Kysely<Tables>,
  userId: string,
  reference: string | undefined,
): Promise<{ promised_rewards: number; rewarded_moments: number }> {
  const promised = await db
    .deleteFrom('kiip_promised_rewards')
    .where((eb) =>
      eb.or([
        eb('user_id', '=', sanitizeText(userId)),
        eb('kiip_user_id', '=', sanitizeText(reference ?? userId)),
      ]),
    )
    .executeTakeFirst();
  const rewarded = await db
    .deleteFrom('kiip_rewarded_moments')
    .where('user_id', '=', sanitizeText(userId))
    .executeTakeFirst();
  return {
    promised_rewards: Number(promised.numDeletedRows),
    rewarded_moments: Number(rewarded.numDeletedRows),
  };
}

export async function exportFromMoments(db: Kysely<Tables>, userId: string) {
  return {
    promised_rewards: await db
      .selectFrom('kiip_promised_rewards')
      .select(['transaction_id', 'kiip_user_id', 'reward_id', 'quantity', 'is_test', 'promised_at'])
      .where('user_id', '=', sanitizeText(userId))
      .orderBy('promised_at')
      .execute(),
    rewarded_moments: await db
      .selectFrom('kiip_rewarded_moments')
      .select(['reward_id', 'moment_id', 'virtual_value', 'rewarded_at'])
      .where('user_id', '=', sanitizeText(userId))
      .orderBy('rewarded_at')
      .execute(),
  };
}

/** Deletes up to `limit` ids of rewards that were returned before. @returns how many */
export async function deleteOldPromisedRewards(
  db: Kysely<Tables>,
  before: Date,
  limit: number,
): Promise<number> {
  const { rows } = await sql<{ deleted: number }>`
    with deleted as (
      delete from kiip_promised_rewards where ctid = any(array(
        select ctid from kiip_promised_rewards
        where promised_at < ${before} order by promised_at limit ${limit} for update skip locked
      )) returning 1
    )
    select count(*)::int as deleted from deleted`.execute(db);
  return rows[0]!.deleted;
}

/** Deletes up to `limit` rewards with a currency that were returned before. @returns how many */
export async function deleteOldRewardedMoments(
  db: Kysely<Tables>,
  before: Date,
  limit: number,
): Promise<number> {
  const { rows } = await sql<{ deleted: number }>`
    with deleted as (
      delete from kiip_rewarded_moments where ctid = any(array(
        select ctid from kiip_rewarded_moments
        where rewarded_at < ${before} order by rewarded_at limit ${limit} for update skip locked
      )) returning 1
    )
    select count(*)::int as deleted from deleted`.execute(db);
  return rows[0]!.deleted;
}
