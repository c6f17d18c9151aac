import { credentials } from './gateway.js';
import type { PostgresServer } from './postgres.js';

export interface Books {
  readonly accepted: number;
  readonly delivered: number;
  readonly pending: number;
  readonly dead: number;
  readonly quarantined: number;
  readonly discarded: number;
  readonly missing: number;
}

/** What a gateway says of all that it has ever accepted. */
export async function booksOf(origin: string): Promise<Books> {
  const window = 'from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z';
  const response = await fetch(`${origin}/api/v1/kiip/reconciliation?${window}`, { headers: credentials });
  if (response.status !== 200) throw new Error(`the books answered ${response.status}`);
  return (await response.json()) as Books;
}

/** Of books that hold nothing but what has been delivered. */
export const allDelivered = (rows: number) => ({
  accepted: rows,
  delivered: rows,
  pending: 0,
  dead: 0,
  quarantined: 0,
  discarded: 0,
  missing: 0,
});

/** How many accepted rows are not delivered, or have a claim on them still: asked of the tables themselves. */
export async function unfinishedOn(server: PostgresServer): Promise<number> {
  const [row] = await server.query(
    'postgres',
    `select (select count(*) from delivery_outbox) + count(*) as rows
     from deliveries where status <> 'delivered' or lease_token is not null or lease_expires_at is not null`,
  );
  return Number(row?.['rows']);
}

/** The one delivery of a ledger row, as its table has it; undefined as long as it waits in the outbox. */
export async function deliveryOn(
  server: PostgresServer,
  ledgerId: string,
): Promise<Record<string, unknown> | undefined> {
  return (await server.query('postgres', `select * from deliveries where ledger_id = '${ledgerId}'`))[0];
}
