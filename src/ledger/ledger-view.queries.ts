import { sql } from 'kysely';

/**
 * The entries of the ledger and its outbox as other features may join them in SQL. A join saves a round trip; importing these
 * fragments instead of naming the tables keeps the dependency visible.
 */
export const LEDGER_ENTRIES = sql`(
  select id, status, user_id, transaction_id, coalesce(resolved_at, received_at) as accepted_at from ledger
)`;

/** Accepted entries that have not become deliveries yet. The ledger writes them, and delivery removes them. */
export const OUTBOX = sql.table('delivery_outbox');
