import { sql } from 'kysely';

/**
 * The entries of the ledger and its outbox as other features may join them in SQL. A join saves a round trip; importing these
 * fragments instead of naming the tables keeps the dependency visible.
 */
export const LEDGER_ENTRIES_SQL = `(
  select id, status, user_id, transaction_id, coalesce(resolved_at, received_at) as accepted_at from ledger
)`;
export const LEDGER_ENTRIES = sql.raw(LEDGER_ENTRIES_SQL);

/** Accepted entries that have not become deliveries yet. The ledger writes them, and delivery removes them. */
export const OUTBOX_SQL = 'delivery_outbox';
export const OUTBOX = sql.raw(OUTBOX_SQL);
