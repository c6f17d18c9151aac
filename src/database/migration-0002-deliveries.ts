import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** What becomes of accepted rows: deliveries, their attempts, replays; and the rewards that promised a currency. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // The trace that a row was recorded in goes on with its deliveries (W3C Trace Context).
  `alter table delivery_outbox add column trace_parent text`,

  `create index delivery_outbox_in_order on delivery_outbox (created_at, ledger_id)`,

  // Ids are drawn while one lock is held: they are visible in their order, and a user's events keep theirs.
  `create table deliveries (
    id bigint generated always as identity primary key,
    ledger_id text collate "C" not null references ledger (id),
    consumer text not null,
    ordering_key text,
    status text not null default 'pending' check (status in ('pending', 'delivered', 'dead')),
    accepted_at timestamptz not null,
    trace_parent text,
    attempts integer not null default 0,
    last_status integer,
    tries integer not null default 0,
    schedule_started_at timestamptz,
    next_attempt_at timestamptz default now(),
    claim uuid,
    lease_expires_at timestamptz,
    ended_at timestamptz,
    constraint deliveries_pending_have_a_next_attempt check ((status = 'pending') = (next_attempt_at is not null)),
    constraint deliveries_once_per_consumer unique (ledger_id, consumer)
  )`,
  `create index deliveries_due on deliveries (consumer, next_attempt_at, id) where status = 'pending'`,
  `create index deliveries_in_order on deliveries (consumer, ordering_key, id) where status = 'pending' and ordering_key is not null`,
  `create index deliveries_waiting on deliveries (accepted_at) where status = 'pending'`,
  `create index deliveries_not_done on deliveries (status, id) where status <> 'delivered'`,
  `create index deliveries_not_done_of_consumer on deliveries (consumer, status, id) where status <> 'delivered'`,

  `create table delivery_attempts (
    delivery_id bigint not null references deliveries (id),
    number integer not null,
    started_at timestamptz not null,
    duration_ms integer not null,
    status integer,
    outcome text not null,
    primary key (delivery_id, number)
  )`,

  // A pause belongs to the address that said "gone": a new one is worth a try.
  `create table delivery_pauses (
    consumer text not null,
    url_hash text not null,
    paused_at timestamptz not null default now(),
    primary key (consumer, url_hash)
  )`,

  `create table delivery_replays (
    id uuid primary key default gen_random_uuid(),
    consumer text not null,
    from_at timestamptz not null,
    to_at timestamptz not null,
    rate integer not null,
    total integer not null,
    done integer not null default 0,
    cursor_id text collate "C" not null,
    next_batch_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    finished_at timestamptz
  )`,
  `create index delivery_replays_open on delivery_replays (next_batch_at) where finished_at is null`,

  `create table kiip_rewarded_moments (
    reward_id text collate "C" primary key,
    moment_id text not null,
    user_id text not null,
    virtual_value text not null,
    rewarded_at timestamptz not null
  )`,
  `create index kiip_promises_by_age on kiip_rewarded_moments (rewarded_at)`,
];
