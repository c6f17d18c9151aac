import { credentials } from './gateway.js';

/** A database that a test queries, with statements of its own. */
export interface Queryable {
  query(text: string): Promise<Record<string, unknown>[]>;
}

export interface LedgerTotals {
  readonly accepted: number;
  readonly delivered: number;
  readonly pending: number;
  readonly dead: number;
  readonly quarantined: number;
  readonly discarded: number;
  readonly missing: number;
}

/** Reads the reconciliation totals of all time from a gateway. */
export async function readTotals(origin: string): Promise<LedgerTotals> {
  const window = 'from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z';
  const response = await fetch(`${origin}/api/v1/kiip/reconciliation?${window}`, { headers: credentials });
  if (response.status !== 200) throw new Error(`the reconciliation got status ${response.status}`);
  return (await response.json()) as LedgerTotals;
}

/** The totals of a ledger whose entries are all delivered. */
export const allDelivered = (entries: number) => ({
  accepted: entries,
  delivered: entries,
  pending: 0,
  dead: 0,
  quarantined: 0,
  discarded: 0,
  missing: 0,
});

/** Counts accepted entries that are not delivered or still leased, directly in the tables. */
export async function countUnfinished(database: Queryable): Promise<number> {
  const [row] = await database.query(
    `select (select count(*) from delivery_outbox) + count(*) as count
     from deliveries where status <> 'delivered' or lease_token is not null or lease_expires_at is not null`,
  );
  return Number(row?.['count']);
}

/** Finds the only delivery of a ledger entry in its table; undefined while the entry is in the outbox. */
export async function findDelivery(
  database: Queryable,
  ledgerId: string,
): Promise<Record<string, unknown> | undefined> {
  return (await database.query(`select * from deliveries where ledger_id = '${ledgerId}'`))[0];
}

/**
 * Ends every lease that began more than 3 s ago, as if its time had passed, but not those of events that were received. Only a holder
 * that was killed, or that never got the reply to its lease statement, takes as long to send an event.
 *
 * @param leaseSeconds how long a lease lasts
 */
export async function expireLostLeases(
  database: Queryable,
  leaseSeconds: number,
  received: readonly string[] = [],
): Promise<void> {
  const ids = received.map((id) => `'${id}'`).join();
  await database.query(
    `update deliveries set lease_expires_at = now()
     where lease_expires_at < now() + interval '${leaseSeconds - 3} seconds' and not (ledger_id = any(array[${ids}]::text[]))`,
  );
}
