import { sql } from 'kysely';

/** Every id of a reward, with the reward and what it promised, as reconciliation may join them in SQL. */
export const PROMISED_IDS = sql`(
  select transaction_id, user_id, reward_id, quantity, promised_at from kiip_promised_rewards
)`;

/** The promised transactions as the ledger may join them in SQL. */
export const PROMISED_TRANSACTIONS = sql`(select transaction_id, promised_at from kiip_promised_rewards)`;
