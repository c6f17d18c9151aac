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
  decided_at: Date | null;
  signature: string;
  signed_text: Uint8Array;
  signed_text_key: string;
  reading_key: string;
  transaction_key: string;
  formula: string;
  secret_label: string;
  duplicates: Generated<number>;
  /** Null until the feed has given the row its place: see `kiip/ledger-feed.ts`. */
  feed_position: ColumnType<string | number | null, never, null>;
}

/** A ledger row that has been accepted and not yet been handed to the deliveries. */
export interface DeliveryOutboxTable {
  ledger_id: string;
  created_at: Generated<Date>;
}

/** A user whose id (or reference) has gone to Kiip. */
export interface KiipUsersTable {
  user_key: string;
  user_id: string;
  reference: string | null;
  first_sent_at: Generated<Date>;
}

/** A callback whose signature none of our secrets could confirm. */
export interface RejectedCallbacksTable {
  id: Int8;
  body_key: string;
  body: Uint8Array;
  content_type: string;
  received_at: Date;
}

export interface IdempotencyKeysTable {
  key_hash: string;
  /** Which `begin` holds the key: a late `finish` of an earlier holder must not count. */
  claim: string;
  state: 'in-flight' | 'done' | 'unknown';
  body_digest: string;
  answer_status: number | null;
  answer_body: string | null;
  lease_until: Date;
  expires_at: Date;
}

export interface Tables {
  ledger: LedgerTable;
  delivery_outbox: DeliveryOutboxTable;
  kiip_users: KiipUsersTable;
  rejected_callbacks: RejectedCallbacksTable;
  idempotency_keys: IdempotencyKeysTable;
}
