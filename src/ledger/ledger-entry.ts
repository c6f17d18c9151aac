import type { Insertable, Selectable } from 'kysely';
import { decodeUtf8 } from '../config/utf8.js';
import type { LedgerKind, LedgerStatus, LedgerTable } from '../database/tables.js';
import { sha256Key, sanitizeText } from '../database/text-columns.js';
import { isQuantity } from './quantity.js';
import { newLedgerId } from './ledger-id.js';
import type { QuarantineReason } from './quarantine-reason.js';

/** The fields of a callback with a valid signature, as received. */
export interface VerifiedCallbackFields {
  kind: LedgerKind;
  transactionId: string;
  content: string;
  /** Null if the format does not have this field. */
  name: string | null;
  /** As received and signed. */
  quantity: string;
  /** The user id that callers use. */
  userId: string;
  /** The user reference in the signed text, if there is one (`KIIP_USER_REFERENCE=opaque`). */
  userReference: string | null;
  nonce: string | null;
  origin: string | null;
  isTest: boolean;
  receivedAt: Date;
  /** 40 lower-case hexadecimal digits. */
  signature: string;
  /** The signed fields, joined, without the secret. */
  signedText: string;
  signatureScheme: string;
  /** The position of the secret in KIIP_APP_SECRETS, from 1. */
  secretIndex: number;
}

export type PolicyDecision =
  | { status: 'recorded' }
  | {
      status: 'quarantined';
      reason: QuarantineReason;
      /** Whether the response to the moment of the callback may be stored later, and change the decision. */
      awaitsPromise?: boolean;
    };

/** A quarantined callback as it was received, to be decided again. */
export interface QuarantinedCallback {
  id: string;
  kind: LedgerKind;
  transactionId: string;
  content: string;
  name: string | null;
  quantity: string;
  /** As signed: a user reference stays one. */
  userId: string;
  nonce: string | null;
  origin: string | null;
  receivedAt: Date;
  signature: string;
  signedText: string;
  signatureScheme: string;
  secretIndex: number;
}

/** Who decided about a quarantined entry. */
export interface Decision {
  readonly caller: string | null;
  readonly requestId: string;
}

/** A callback in the ledger. */
export interface LedgerEntry {
  id: string;
  kind: LedgerKind;
  status: LedgerStatus;
  /** Why it was quarantined; null if it never was. */
  reason: QuarantineReason | null;
  isTest: boolean;
  transactionId: string;
  content: string;
  name: string | null;
  /** Null if `quantityText` is not a whole number of 1 to 9 digits. Such an entry cannot be released. */
  quantity: number | null;
  quantityText: string;
  userId: string;
  nonce: string | null;
  origin: string | null;
  receivedAt: Date;
  /** When the quarantine ended: on release, on discard, or when the callback was received again and accepted. */
  resolvedAt: Date | null;
  /** Who released or discarded it; null if nobody did. */
  decision: Decision | null;
  verification: { signature: string; scheme: string; secretIndex: number };
  /** How often the same callback was received again. */
  duplicates: number;
}

export type NewLedgerRow = ReturnType<typeof newLedgerRow>;

/** The row to insert for a callback. */
export function newLedgerRow(facts: VerifiedCallbackFields, decision: PolicyDecision) {
  const quantity = isQuantity(facts.quantity) ? Number(facts.quantity) : null;
  const reason = toReason(decision, quantity);
  return {
    id: newLedgerId(),
    kind: facts.kind,
    status: (reason ? 'quarantined' : 'recorded') as LedgerStatus,
    reason_code: reason?.code ?? null,
    reason_field: reason?.field ?? null,
    is_test: facts.isTest,
    transaction_id: sanitizeText(facts.transactionId),
    content: sanitizeText(facts.content),
    name: facts.name === null ? null : sanitizeText(facts.name),
    quantity,
    quantity_text: sanitizeText(facts.quantity),
    user_id: sanitizeText(facts.userId),
    user_reference: facts.userReference === null ? null : sanitizeText(facts.userReference),
    nonce: facts.nonce === null ? null : sanitizeText(facts.nonce),
    origin: facts.origin === null ? null : sanitizeText(facts.origin),
    received_at: facts.receivedAt,
    signature: facts.signature,
    signed_text: Buffer.from(facts.signedText),
    signed_text_hash: sha256Key(facts.signedText),
    fields_hash: fieldsHash(facts),
    transaction_hash: sha256Key(
      facts.kind,
      facts.transactionId,
      facts.kind === 'issuance' ? facts.nonce : null,
    ),
    signature_scheme: facts.signatureScheme,
    secret_index: facts.secretIndex,
    awaits_promise: decision.status === 'quarantined' && decision.awaitsPromise === true,
  } satisfies Insertable<LedgerTable>;
}

export function toQuarantinedCallback(row: Selectable<LedgerTable>): QuarantinedCallback {
  return {
    id: row.id,
    kind: row.kind,
    transactionId: row.transaction_id,
    content: row.content,
    name: row.name,
    quantity: row.quantity_text,
    userId: row.user_reference ?? row.user_id,
    nonce: row.nonce,
    origin: row.origin,
    receivedAt: row.received_at,
    signature: row.signature,
    signedText: decodeUtf8(row.signed_text),
    signatureScheme: row.signature_scheme,
    secretIndex: row.secret_index,
  };
}

/** An entry without a number as its quantity cannot be recorded, whatever the policy says. */
function toReason(decision: PolicyDecision, quantity: number | null): QuarantineReason | undefined {
  if (decision.status === 'quarantined') return decision.reason;
  return quantity === null ? { code: 'quantity' } : undefined;
}

/**
 * Two callbacks are the same if all fields are equal as received. The signature is not compared: it changes if Kiip
 * repeats a callback after a rotation of the secret.
 */
export function fieldsHash(facts: VerifiedCallbackFields): string {
  const { kind, content, name, quantity, userId, userReference, transactionId, nonce, origin } = facts;
  return sha256Key(kind, content, name, quantity, userReference ?? userId, transactionId, nonce, origin);
}

export function toLedgerEntry(row: Selectable<LedgerTable>): LedgerEntry {
  return {
    id: row.id,
    kind: row.kind,
    status: row.status,
    reason:
      row.reason_code === null
        ? null
        : { code: row.reason_code, ...(row.reason_field !== null && { field: row.reason_field }) },
    isTest: row.is_test,
    transactionId: row.transaction_id,
    content: row.content,
    name: row.name,
    quantity: row.quantity,
    quantityText: row.quantity_text,
    userId: row.user_id,
    nonce: row.nonce,
    origin: row.origin,
    receivedAt: row.received_at,
    resolvedAt: row.resolved_at,
    decision:
      row.decision_request_id === null
        ? null
        : { caller: row.decided_by, requestId: row.decision_request_id },
    verification: { signature: row.signature, scheme: row.signature_scheme, secretIndex: row.secret_index },
    duplicates: row.duplicates,
  };
}
