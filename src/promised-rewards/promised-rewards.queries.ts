import { sql } from 'kysely';

/** The promised transactions as the ledger may join them in SQL. */
export const PROMISED_TRANSACTIONS = sql`(select transaction_id, promised_at from kiip_promised_rewards)`;
