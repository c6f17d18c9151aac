import type { ColumnType, Generated } from 'kysely';

export type LedgerKind = 'redemption' | 'issuance';
export type LedgerStatus = 'recorded' | 'quarantined' | 'released' | 'discarded';

/** bigint: `pg` reads it as text, PGlite as a number. */
type Int8 = ColumnType<string | number, never, never>;

/** One callback that bore a valid signature. Constraints: `migration-0001-ledger.ts`. */
export interface LedgerTable {
  id: string;
  kind: LedgerKind;
  status: LedgerStatus;
  /** Why it was quarantined; stays after a decision. */
  reason: string | null;
  test: boolean;
  transaction_id: string;
  content: string;
  name: string | null;
  /** Null where the text that arrived is no quantity. */
  quantity: number | null;
  quantity_text: string;
  user_id: string;
  /** What stood for the user in the signed text, where that was not the user's id. */
  user_reference: string | null;
  nonce: string | null;
  origin: string | null;
  received_at: Date;
  resolved_at: Date | null;
  signature: string;
  signed_text: Uint8Array;
  signed_text_hash: string;
  fields_hash: string;
  transaction_hash: string;
  formula: string;
  secret_index: string;
  duplicates: Generated<number>;
  /** Null until the feed has given the row its place: see `kiip/ledger-feed.ts`. */
  feed_position: ColumnType<string | number | null, never, null>;
}

/** A ledger row that has been accepted and not yet been handed to the deliveries. */
export interface DeliveryOutboxTable {
  ledger_id: string;
  created_at: Generated<Date>;
  /** Of the trace that accepted it, if any. */
  trace_parent: string | null;
}

export type DeliveryStatus = 'pending' | 'delivered' | 'dead';

/** One accepted row on its way to one consumer. Times are the database's: replicas need not agree on theirs. */
export interface DeliveriesTable {
  id: Int8;
  ledger_id: string;
  consumer: string;
  /** Deliveries of one consumer that share it go out one after the other. */
  ordering_key: string | null;
  status: Generated<DeliveryStatus>;
  /** When the row was committed, or released. */
  accepted_at: Date;
  trace_parent: string | null;
  /** All attempts there ever were; `tries` are those since `schedule_started_at`, the first from which the schedule counts. */
  attempts: Generated<number>;
  last_status: number | null;
  tries: Generated<number>;
  schedule_started_at: Date | null;
  /** Null unless pending. */
  next_attempt_at: Generated<Date | null>;
  /** Who is sending it, until when; a lapsed claim is as good as none. */
  claim: string | null;
  lease_expires_at: Date | null;
  ended_at: Date | null;
}

export interface DeliveryAttemptsTable {
  delivery_id: Int8;
  /** From 1. */
  number: number;
  started_at: Date;
  duration_ms: number;
  /** Of the answer; null where there was none. */
  status: number | null;
  outcome: string;
}

/** A consumer whose address answered that it is gone. */
export interface DeliveryPausesTable {
  consumer: string;
  url_hash: string;
  paused_at: Generated<Date>;
}

/** Accepted rows of a time window that are to go to a consumer again. */
export interface DeliveryReplaysTable {
  id: Generated<string>;
  consumer: string;
  /** Rows that entered the ledger in [from_at, to_at). */
  from_at: Date;
  to_at: Date;
  /** Rows a second. */
  rate: number;
  total: number;
  done: Generated<number>;
  /** The last row that has been taken. */
  cursor_id: string;
  next_batch_at: Generated<Date>;
  created_at: Generated<Date>;
  finished_at: Date | null;
}

/** A reward that Kiip gave for a moment, with a currency in it. */
export interface KiipRewardedMomentsTable {
  reward_id: string;
  moment_id: string;
  user_id: string;
  virtual_value: string;
  rewarded_at: Date;
}

/** A user whose id (or reference) has gone to Kiip. */
export interface KiipUserReferencesTable {
  user_id_hash: string;
  user_id: string;
  reference: string | null;
  first_sent_at: Generated<Date>;
}

/** A callback whose signature none of our secrets could confirm. */
export interface RejectedCallbacksTable {
  id: Int8;
  body_hash: string;
  body: Uint8Array;
  content_type: string;
  received_at: Date;
}

export interface IdempotencyKeysTable {
  key_hash: string;
  /** Which `begin` holds the key: a late `finish` of an earlier holder must not count. */
  claim: string;
  state: 'in-flight' | 'done' | 'unknown';
  body_hash: string;
  response_status: number | null;
  response_body: string | null;
  lease_expires_at: Date;
  expires_at: Date;
}

export interface Tables {
  ledger: LedgerTable;
  delivery_outbox: DeliveryOutboxTable;
  deliveries: DeliveriesTable;
  delivery_attempts: DeliveryAttemptsTable;
  delivery_pauses: DeliveryPausesTable;
  delivery_replays: DeliveryReplaysTable;
  kiip_rewarded_moments: KiipRewardedMomentsTable;
  kiip_user_references: KiipUserReferencesTable;
  rejected_callbacks: RejectedCallbacksTable;
  idempotency_keys: IdempotencyKeysTable;
}
