import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** The ledger, what travels with it, and what both Kiip routes remember. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create sequence ledger_feed_position`,

  // A key is a SHA-256, for a unique index cannot hold texts of 16 KiB.
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
    constraint ledger_accepted_rows_count check (status in ('quarantined', 'discarded') or quantity is not null)
  )`,

  // The same callback again is the same row, whatever became of it.
  `create unique index ledger_one_row_per_reading on ledger (fields_hash)`,
  // Accepted once ever, under any reading; and under any of our secrets, hence the text besides the signature.
  `create unique index ledger_signature_accepted_once on ledger (signature) where status in ('recorded', 'released')`,
  `create unique index ledger_text_accepted_once on ledger (signed_text_hash) where status in ('recorded', 'released')`,
  `create unique index ledger_transaction_accepted_once on ledger (transaction_hash) where status in ('recorded', 'released')`,

  `create index ledger_feed on ledger (feed_position)`,
  `create index ledger_feed_pending on ledger (id) where feed_position is null`,
  `create index ledger_feed_of_user on ledger (left(user_id, 256), feed_position)`,
  `create index ledger_feed_of_decisions on ledger (status, feed_position) where status <> 'recorded'`,

  `create table delivery_outbox (
    ledger_id text collate "C" primary key references ledger (id),
    accepted_at timestamptz not null default now()
  )`,

  `create table kiip_user_references (
    user_id_hash text collate "C" primary key,
    user_id text not null,
    reference text collate "C" unique,
    first_sent_at timestamptz not null default now()
  )`,

  `create table rejected_callbacks (
    id bigint generated always as identity primary key,
    body_hash text collate "C" not null unique,
    body bytea not null,
    content_type text not null,
    received_at timestamptz not null
  )`,
  `create index rejected_callbacks_by_age on rejected_callbacks (received_at)`,

  `create table idempotency_keys (
    key_hash text collate "C" primary key,
    claim uuid not null,
    state text not null check (state in ('in-flight', 'done', 'unknown')),
    body_hash text not null,
    response_status integer,
    response_body text,
    lease_expires_at timestamptz not null,
    expires_at timestamptz not null,
    constraint idempotency_keys_done_has_answer check (state <> 'done' or (response_status is not null and response_body is not null))
  )`,
  `create index idempotency_keys_by_expiry on idempotency_keys (expires_at)`,
];
