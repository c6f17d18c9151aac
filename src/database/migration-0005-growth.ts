import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** What keeps the cost of a read the same, however long the history is. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // Reconciliation looks for the callback of each reward. A hash index takes a text of any length.
  `create index if not exists ledger_transaction_id_idx on ledger using hash (transaction_id collate "C")`,
  `create index if not exists kiip_promised_rewards_reward_id_idx on kiip_promised_rewards using hash (reward_id collate "C")`,

  // The metrics look for the oldest delivery of each consumer. A consumer that is gone may have left any number of them.
  `create index if not exists deliveries_consumer_accepted_at_pending_idx on deliveries (consumer, accepted_at) where status = 'pending'`,
  `drop index deliveries_accepted_at_pending_idx`,

  // The balances of a user up to a position of the feed, so that earlier entries are not read again. It may be deleted at any time.
  `create table ledger_balances (
    user_id_hash text collate "C" primary key,
    feed_position bigint not null,
    balances jsonb not null
  )`,
];
