import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** Indexes for every documented filter of a list, so that no request makes the database read a whole table, and shares of what is kept. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // Filters of GET /api/v1/deliveries. The statuses of one consumer are read one by one: see `listDeliveries`.
  `create index if not exists deliveries_status_id_idx on deliveries (status, id)`,
  `create index if not exists deliveries_consumer_status_id_idx on deliveries (consumer, status, id)`,
  `drop index deliveries_status_unfinished_idx`,
  `drop index deliveries_consumer_status_unfinished_idx`,

  // Filters of GET /api/v1/kiip/issuances, likewise.
  `create index if not exists ledger_status_feed_position_all_idx on ledger (status, feed_position)`,
  `create index if not exists ledger_user_id_status_feed_position_idx on ledger (left(user_id, 256), status, feed_position)`,
  `drop index ledger_status_feed_position_idx`,
  `drop index ledger_user_id_feed_position_idx`,

  // Who sends many rejected callbacks pushes out his own; those of users who went to Kiip are kept apart.
  `alter table rejected_callbacks add column source text not null default '', add column is_protected boolean not null default false`,
  `create index rejected_callbacks_source_idx on rejected_callbacks (is_protected, source, id)`,
  `update rejected_callbacks set content_type = case when content_type ~* '^\\s*application/json\\y' then 'application/json'
    else 'application/x-www-form-urlencoded' end`,
];
