import { Webhook } from 'standardwebhooks';

// create table seen_events (webhook_id text primary key);
// create table balances (user_id text, content text, quantity bigint, primary key (user_id, content));
const CREDIT_ONCE = `
  with fresh as (insert into seen_events (webhook_id) values ($1) on conflict do nothing returning webhook_id)
  insert into balances (user_id, content, quantity) select $2, $3, $4::bigint from fresh
  on conflict (user_id, content) do update set quantity = balances.quantity + excluded.quantity`;

/** A pool of `pg`, or anything else that runs one statement as one transaction. */
interface Database {
  query(statement: string, values: unknown[]): Promise<unknown>;
}

interface Issued {
  type: string;
  data: { test: boolean; user_id: string; content: string; quantity: number };
}

/**
 * Takes one event in.
 * @param body as it arrived, before any JSON parser
 * @returns the status to answer; when this throws, answer 500, and the event comes again
 */
export async function receive(
  db: Database,
  secret: string,
  headers: Record<string, string>,
  body: string,
): Promise<number> {
  let event: Issued;
  try {
    event = new Webhook(secret).verify(body, headers) as Issued;
  } catch {
    return 401;
  }
  const { type, data } = event;
  if (type !== 'kiip.currency.issued' || data.test) return 200;
  await db.query(CREDIT_ONCE, [headers['webhook-id'], data.user_id, data.content, data.quantity]);
  return 200;
}
