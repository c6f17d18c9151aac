import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** What moments returned, so that callbacks can be held against it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // An id may have been returned for several users. Then the promise is one of theirs. Without a user, `kiip_user_id` is empty.
  `create table kiip_promised_rewards (
    transaction_id text collate "C" not null,
    kiip_user_id text collate "C" not null,
    user_id text,
    reward_id text,
    id_kind text not null,
    quantity text,
    is_test boolean not null,
    promised_at timestamptz not null default now(),
    primary key (transaction_id, kiip_user_id)
  )`,
  `create index kiip_promised_rewards_promised_at_idx on kiip_promised_rewards (promised_at)`,

  // A callback that came before the moment's own response was stored waits for it.
  `alter table ledger add column awaits_promise boolean not null default false`,
  // Of what waits alone: it is read every few seconds.
  `create index ledger_transaction_id_awaiting_idx on ledger (transaction_id) where status = 'quarantined' and awaits_promise`,
];
