import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** All tables of the gateway. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create sequence ledger_feed_position`,

  // The hashes are SHA-256, because an index entry cannot hold a text of 16 KiB.
  `create table ledger (
    id text collate "C" primary key,
    kind text not null check (kind in ('redemption', 'issuance')),
    status text not null check (status in ('recorded', 'quarantined', 'released', 'discarded')),
    reason_code text,
    reason_field text,
    is_test boolean not null,
    transaction_id text not null,
    content text not null,
    name text,
    quantity integer check (quantity > 0),
    quantity_text text not null,
    user_id text not null,
    user_reference text,
    nonce text,
    origin text,
    received_at timestamptz not null,
    resolved_at timestamptz,
    signature text collate "C" not null,
    signed_text bytea not null,
    signed_text_hash text collate "C" not null,
    fields_hash text collate "C" not null,
    transaction_hash text collate "C" not null,
    signature_scheme text not null,
    secret_index integer not null,
    duplicates integer not null default 0,
    feed_position bigint,
    constraint ledger_accepted_quantity_check check (status in ('quarantined', 'discarded') or quantity is not null)
  )`,

  // A repeated callback is the same entry, whatever its status.
  `create unique index ledger_fields_hash_idx on ledger (fields_hash)`,
  // A signed text is accepted once, however it is split into fields; the signature alone would differ between two secrets.
  `create unique index ledger_signature_accepted_idx on ledger (signature) where status in ('recorded', 'released')`,
  `create unique index ledger_signed_text_hash_accepted_idx on ledger (signed_text_hash) where status in ('recorded', 'released')`,
  `create unique index ledger_transaction_hash_accepted_idx on ledger (transaction_hash) where status in ('recorded', 'released')`,
  // Decisions find the entries with the same signed text that have not been accepted.
  `create index ledger_signed_text_hash_open_idx on ledger (signed_text_hash) where status in ('quarantined', 'discarded')`,

  `create index ledger_feed_position_idx on ledger (feed_position)`,
  `create index ledger_id_unpositioned_idx on ledger (id) where feed_position is null`,
  `create index ledger_user_id_feed_position_idx on ledger (left(user_id, 256), feed_position)`,
  `create index ledger_status_feed_position_idx on ledger (status, feed_position) where status <> 'recorded'`,

  // The deliveries of an entry continue the trace in which it was accepted (W3C Trace Context).
  `create table delivery_outbox (
    ledger_id text collate "C" primary key references ledger (id),
    accepted_at timestamptz not null default now(),
    trace_parent text
  )`,
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

  `create table kiip_user_references (
    user_id_hash text collate "C" primary key,
    user_id text not null,
    reference text collate "C" unique,
    first_sent_at timestamptz not null default now()
  )`,

  `create table kiip_rewarded_moments (
    reward_id text collate "C" primary key,
    moment_id text not null,
    user_id text not null,
    virtual_value text not null,
    rewarded_at timestamptz not null
  )`,
  `create index kiip_rewarded_moments_rewarded_at_idx on kiip_rewarded_moments (rewarded_at)`,

  `create table rejected_callbacks (
    id bigint generated always as identity primary key,
    body_hash text collate "C" not null unique,
    body bytea not null,
    content_type text not null,
    received_at timestamptz not null
  )`,
  `create index rejected_callbacks_received_at_idx on rejected_callbacks (received_at)`,

  `create table idempotency_keys (
    key_hash text collate "C" primary key,
    lease_token uuid not null,
    state text not null check (state in ('in-flight', 'done', 'unknown')),
    body_hash text not null,
    response_status integer,
    response_body text,
    lease_expires_at timestamptz not null,
    expires_at timestamptz not null,
    constraint idempotency_keys_response_check check (state <> 'done' or (response_status is not null and response_body is not null))
  )`,
  `create index idempotency_keys_expires_at_idx on idempotency_keys (expires_at)`,
];
