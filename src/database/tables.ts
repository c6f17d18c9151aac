import type { ColumnType, Generated } from 'kysely';

export type LedgerKind = 'redemption' | 'issuance';
export type LedgerStatus = 'recorded' | 'quarantined' | 'released' | 'discarded';

/** Why a callback is quarantined: the values of the column `reason_code`. */
export type QuarantineCode =
  /** A field of the callback is not of the documented form. */
  | 'field-shape'
  /** The currency is not one of KIIP_CURRENCIES. */
  | 'currency'
  /** The quantity is above the limit of its currency. */
  | 'cap'
  /** The quantity is not a whole number of 1 to 9 digits. */
  | 'quantity'
  | 'unknown-user'
  | 'unknown-user-reference'
  /** The signed text can be split into other fields, and they name a registered user. */
  | 'more-than-one-reading'
  /** The signed text can be split in too many ways to check each of them. */
  | 'too-many-readings'
  | 'same-signature-other-fields'
  | 'same-signature-discarded'
  | 'same-transaction-other-fields'
  /** No moment of this gateway has returned the transaction. */
  | 'unknown-reward'
  /** A moment has returned the transaction for another user. */
  | 'promised-to-another-user'
  /** A moment has returned the transaction with another quantity. */
  | 'promised-another-quantity';

/** bigint: the driver returns a string. */
type Int8 = ColumnType<string, never, never>;

/** One callback with a valid signature. Constraints: `migration-0001-initial.ts`. */
export interface LedgerTable {
  id: string;
  kind: LedgerKind;
  status: LedgerStatus;
  /** Why it was quarantined; stays after a decision. */
  reason_code: QuarantineCode | null;
  /** The field that the code is about. */
  reason_field: string | null;
  is_test: boolean;
  transaction_id: string;
  content: string;
  name: string | null;
  /** Null where `quantity_text` is not a valid quantity. */
  quantity: number | null;
  quantity_text: string;
  user_id: string;
  /** The reference to the user in the signed text, where it was not the user's id. */
  user_reference: string | null;
  nonce: string | null;
  origin: string | null;
  received_at: Date;
  resolved_at: Date | null;
  /** The caller who released or discarded the entry, and the id of the request; null if nobody did. */
  decided_by: string | null;
  decision_request_id: string | null;
  signature: string;
  signed_text: Uint8Array;
  signed_text_hash: string;
  fields_hash: string;
  transaction_hash: string;
  signature_scheme: string;
  secret_index: number;
  /** No moment had returned the transaction when the entry was quarantined: the response may be stored later. */
  awaits_promise: Generated<boolean>;
  duplicates: Generated<number>;
  /** Null until the feed has assigned a position: see `ledger/ledger-feed.ts`. */
  feed_position: ColumnType<string | null, never, null>;
}

/** Feed positions that were assigned together: see `ledger/ledger-feed.ts`. */
export interface LedgerFeedBatchesTable {
  last_position: Int8;
  token: Generated<string>;
}

/** The balances of a user up to a position of the feed: see `ledger/balances.queries.ts`. */
export interface LedgerBalancesTable {
  user_id_hash: string;
  feed_position: Int8;
  balances: unknown;
}

/** A ledger entry that has been accepted and has not become deliveries yet. */
export interface DeliveryOutboxTable {
  ledger_id: string;
  accepted_at: Generated<Date>;
  /** The trace in which it was accepted, if any. */
  trace_parent: string | null;
}

export type DeliveryStatus = 'pending' | 'delivered' | 'dead';

/** The delivery of one accepted entry to one consumer. All times are by the clock of the database. */
export interface DeliveriesTable {
  id: Int8;
  ledger_id: string;
  consumer: string;
  /** Deliveries to one consumer that share this key are sent one after the other. */
  ordering_key: string | null;
  status: Generated<DeliveryStatus>;
  /** When the entry was committed, or released. */
  accepted_at: Date;
  trace_parent: string | null;
  /** All attempts; `schedule_attempts` counts those since `schedule_started_at`, the first attempt of the retry schedule. */
  attempts: Generated<number>;
  last_status: number | null;
  schedule_attempts: Generated<number>;
  schedule_started_at: Date | null;
  /** Null unless pending. */
  next_attempt_at: Generated<Date | null>;
  /** Held by the process that sends it. An expired lease has no effect. */
  lease_token: string | null;
  lease_expires_at: Date | null;
  ended_at: Date | null;
}

export interface DeliveryAttemptsTable {
  delivery_id: Int8;
  /** From 1. */
  number: number;
  started_at: Date;
  duration_ms: number;
  /** The HTTP status of the response; null without a response. */
  status: number | null;
  outcome: string;
}

/** A consumer that gets no deliveries: its URL responded 410 Gone, or a caller paused it. */
export interface DeliveryPausesTable {
  consumer: string;
  /** Of the URL that responded; empty for a pause by a caller, which holds for every URL. */
  url_hash: string;
  paused_at: Generated<Date>;
  paused_by: string | null;
  request_id: string | null;
  reason: string | null;
}

/** A request to deliver the accepted entries of a time window to a consumer again. */
export interface DeliveryReplaysTable {
  id: Generated<string>;
  consumer: string;
  /** Entries whose id was created in [from_at, to_at). */
  from_at: Date;
  to_at: Date;
  rate_per_second: number;
  total_count: number;
  processed_count: Generated<number>;
  /** The id of the last entry that has been processed. */
  cursor_id: string;
  /** `infinity` while a caller has paused the replay; the driver returns that as a number. */
  next_batch_at: Generated<Date>;
  created_at: Generated<Date>;
  requested_by: string | null;
  request_id: string | null;
  /** When it had processed every entry, or was cancelled. */
  finished_at: Date | null;
  is_cancelled: Generated<boolean>;
}

/** A reward that Kiip gave for a moment, with a currency in it. */
export interface KiipRewardedMomentsTable {
  reward_id: string;
  moment_id: string;
  user_id: string;
  virtual_value: string;
  rewarded_at: Date;
}

/** Which id of a reward it is: `view.id`, the same with or without `test_`, or one in the path of the reward's page. */
export type PromisedIdKind = 'view_id' | 'view_id_prefix' | 'body_url';

/** An id that a callback for a reward of a moment may name. */
export interface KiipPromisedRewardsTable {
  transaction_id: string;
  /** As it was sent to Kiip; empty without a user. */
  kiip_user_id: string;
  /** The user id that callers use; null without a user. */
  user_id: string | null;
  /** `view.id`, by which the reconciliation knows the reward. */
  reward_id: string | null;
  id_kind: PromisedIdKind;
  /** Null if the moment promised none. */
  quantity: string | null;
  is_test: boolean;
  promised_at: Generated<Date>;
}

/** A user whose id (or reference) has been sent to Kiip. */
export interface KiipUserReferencesTable {
  user_id_hash: string;
  user_id: string;
  reference: string | null;
  first_sent_at: Generated<Date>;
}

/** A callback whose signature matched none of our secrets. */
export interface RejectedCallbacksTable {
  id: Int8;
  body_hash: string;
  body: Uint8Array;
  /** The kind of media, not the header. */
  content_type: string;
  received_at: Date;
  /** The client network that it came from; empty where it is not known. */
  source: Generated<string>;
  /** It is a whole callback of a user who went to Kiip. */
  is_protected: Generated<boolean>;
}

export interface IdempotencyKeysTable {
  key_hash: string;
  /** Which `acquire` holds the key: a late `complete` of an earlier holder has no effect. */
  lease_token: string;
  state: 'in-flight' | 'done' | 'unknown';
  body_hash: string;
  response_status: number | null;
  response_body: string | null;
  lease_expires_at: Date;
  expires_at: Date;
}

/** What somebody did, and why. Rows are only ever added. */
export interface AuditLogTable {
  id: Int8;
  at: Generated<Date>;
  caller: string | null;
  request_id: string | null;
  action: string;
  subject: string;
  reason: string | null;
}

export interface Tables {
  audit_log: AuditLogTable;
  ledger: LedgerTable;
  ledger_balances: LedgerBalancesTable;
  ledger_feed_batches: LedgerFeedBatchesTable;
  delivery_outbox: DeliveryOutboxTable;
  deliveries: DeliveriesTable;
  delivery_attempts: DeliveryAttemptsTable;
  delivery_pauses: DeliveryPausesTable;
  delivery_replays: DeliveryReplaysTable;
  kiip_promised_rewards: KiipPromisedRewardsTable;
  kiip_rewarded_moments: KiipRewardedMomentsTable;
  kiip_user_references: KiipUserReferencesTable;
  rejected_callbacks: RejectedCallbacksTable;
  idempotency_keys: IdempotencyKeysTable;
}
