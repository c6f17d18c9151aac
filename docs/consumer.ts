import { Webhook } from 'standardwebhooks';

// create table seen_events (webhook_id text primary key);
// create table balances (user_id text, content text, quantity bigint, primary key (user_id, content));
const CREDIT_ONCE = `
  with new_event as (insert into seen_events (webhook_id) values ($1) on conflict do nothing returning webhook_id)
  insert into balances (user_id, content, quantity) select $2, $3, $4::bigint from new_event
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
 * Processes one event.
 * @param body the raw body, before any JSON parser
 * @returns the HTTP status of the response; if this throws, respond 500, and the event is sent again
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
