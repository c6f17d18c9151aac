import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Tables } from '../database/tables.js';
import { sanitizeText } from '../database/text-columns.js';
import { IS_ACCEPTED } from '../ledger/ledger-window.js';
import type { LedgerEntry } from '../ledger/ledger-entry.js';
import { LEDGER_ENTRIES } from '../ledger/ledger-view.queries.js';
import { PROMISED_IDS } from '../promised-rewards/promised-rewards.queries.js';
import { REWARDED_MOMENTS } from '../promised-rewards/rewarded-moments.queries.js';

/** The most rewards of a user that are listed. */
const MAX_USER_REWARDS = 100;

/** A reward with a currency. */
export interface Reward {
  readonly rewardId: string;
  readonly momentId: string;
  readonly userId: string;
  readonly virtualValue: string;
  readonly rewardedAt: Date;
}

export interface UserReward extends Reward {
  /** The entry of its callback. An accepted one, if there are several. */
  readonly issuanceId: string | null;
}

/** What a moment has returned for the transaction of an entry. */
export interface EntryPromise {
  /** Null without a user. */
  readonly userId: string | null;
  /** Null without a currency. */
  readonly rewardId: string | null;
  readonly momentId: string | null;
  /** Null if none was promised. */
  readonly quantity: string | null;
  readonly promisedAt: Date;
  readonly rewardedAt: Date | null;
}

export interface RewardRow {
  readonly reward_id: string;
  readonly moment_id: string;
  readonly user_id: string;
  readonly virtual_value: string;
  readonly rewarded_at: Date;
}

export function toReward(row: RewardRow): Reward {
  return {
    rewardId: row.reward_id,
    momentId: row.moment_id,
    userId: row.user_id,
    virtualValue: row.virtual_value,
    rewardedAt: row.rewarded_at,
  };
}

/** Newest first. A callback may name the reward or another id of it, as `findUnmatchedRewards` looks for it. */
export async function findUserRewards(db: Kysely<Tables>, userId: string): Promise<UserReward[]> {
  const { rows } = await sql<RewardRow & { issuance_id: string | null }>`
    select r.*, (
      select e.id from (
        select r.reward_id as transaction_id
        union select p.transaction_id from ${PROMISED_IDS} p where p.reward_id = r.reward_id and p.user_id = r.user_id
      ) ids, lateral (
        select l.id, ${IS_ACCEPTED} as accepted from ${LEDGER_ENTRIES} l
        where l.transaction_id = ids.transaction_id and l.user_id = r.user_id order by accepted desc, l.id limit 1
      ) e
      order by e.accepted desc, e.id limit 1
    ) as issuance_id
    from (
      select * from ${REWARDED_MOMENTS} m where m.user_id = ${sanitizeText(userId)}
      order by m.rewarded_at desc limit ${sql.lit(MAX_USER_REWARDS)}
    ) r
    order by r.rewarded_at desc`.execute(db);
  return rows.map((row) => ({ ...toReward(row), issuanceId: row.issuance_id }));
}

/** That for the user of the entry, if there is one; else that for another user. */
export async function findPromise(
  db: Kysely<Tables>,
  { transactionId, userId }: LedgerEntry,
): Promise<EntryPromise | undefined> {
  const { rows } = await sql<EntryPromise>`
    select p.user_id as "userId", p.reward_id as "rewardId", r.moment_id as "momentId", p.quantity,
      p.promised_at as "promisedAt", r.rewarded_at as "rewardedAt"
    from ${PROMISED_IDS} p left join ${REWARDED_MOMENTS} r on r.reward_id = p.reward_id
    where p.transaction_id = ${transactionId}
    order by p.user_id = ${userId} desc nulls last limit 1`.execute(db);
  return rows[0];
}
