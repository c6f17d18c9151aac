import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** Deliveries of accepted entries, their attempts and replays, and moments that were rewarded with a currency. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // The deliveries of an entry continue the trace in which it was accepted (W3C Trace Context).
  `alter table delivery_outbox add column trace_parent text`,

  `create index delivery_outbox_accepted_at_idx on delivery_outbox (accepted_at, ledger_id)`,

  // Ids are assigned under one lock: they become visible in order, and the events of a user keep their order.
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
    schedule_attempts integer not null default 0,
    schedule_started_at timestamptz,
    next_attempt_at timestamptz default now(),
    lease_token uuid,
    lease_expires_at timestamptz,
    ended_at timestamptz,
    constraint deliveries_next_attempt_at_check check ((status = 'pending') = (next_attempt_at is not null)),
    constraint deliveries_once_per_consumer unique (ledger_id, consumer)
  )`,
  `create index deliveries_due_idx on deliveries (consumer, next_attempt_at, id) where status = 'pending'`,
  `create index deliveries_ordering_key_pending_idx on deliveries (consumer, ordering_key, id) where status = 'pending' and ordering_key is not null`,
  `create index deliveries_accepted_at_pending_idx on deliveries (accepted_at) where status = 'pending'`,
  `create index deliveries_status_unfinished_idx on deliveries (status, id) where status <> 'delivered'`,
  `create index deliveries_consumer_status_unfinished_idx on deliveries (consumer, status, id) where status <> 'delivered'`,

  `create table delivery_attempts (
    delivery_id bigint not null references deliveries (id),
    number integer not null,
    started_at timestamptz not null,
    duration_ms integer not null,
    status integer,
    outcome text not null,
    primary key (delivery_id, number)
  )`,

  // A pause belongs to the URL that responded 410 Gone; a new URL is tried.
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
    rate_per_second integer not null,
    total_count integer not null,
    processed_count integer not null default 0,
    cursor_id text collate "C" not null,
    next_batch_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    finished_at timestamptz
  )`,
  `create index delivery_replays_unfinished_idx on delivery_replays (next_batch_at) where finished_at is null`,

  `create table kiip_rewarded_moments (
    reward_id text collate "C" primary key,
    moment_id text not null,
    user_id text not null,
    virtual_value text not null,
    rewarded_at timestamptz not null
  )`,
  `create index kiip_rewarded_moments_rewarded_at_idx on kiip_rewarded_moments (rewarded_at)`,
];
