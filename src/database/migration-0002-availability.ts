import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** Every documented filter of a list has an index, so that no request makes the database read a whole table. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // Filters of GET /api/v1/deliveries. The statuses of one consumer are read one by one: see `listDeliveries`.
  `create index deliveries_status_id_idx on deliveries (status, id)`,
  `create index deliveries_consumer_status_id_idx on deliveries (consumer, status, id)`,
  `drop index deliveries_status_unfinished_idx`,
  `drop index deliveries_consumer_status_unfinished_idx`,

  // Filters of GET /api/v1/kiip/issuances, likewise.
  `create index ledger_status_feed_position_all_idx on ledger (status, feed_position)`,
  `create index ledger_user_id_status_feed_position_idx on ledger (left(user_id, 256), status, feed_position)`,
  `drop index ledger_status_feed_position_idx`,
  `drop index ledger_user_id_feed_position_idx`,
];
