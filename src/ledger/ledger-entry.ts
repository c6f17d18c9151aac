import type { Insertable, Selectable } from 'kysely';
import type { LedgerKind, LedgerStatus, LedgerTable } from '../database/tables.js';
import { sha256Key, sanitizeText } from '../database/text-columns.js';
import { isQuantity } from './quantity.js';
import { newLedgerId } from './ledger-id.js';

/** A callback whose signature holds, as its fields arrived. */
export interface VerifiedCallbackFields {
  kind: LedgerKind;
  transactionId: string;
  content: string;
  /** Null where the format has no such member. */
  name: string | null;
  /** The text that arrived and was signed. */
  quantity: string;
  /** The user's id as our callers know it. */
  userId: string;
  /** What stood for the user in the signed text, if that was a reference of ours (`KIIP_USER_REFERENCE=opaque`). */
  userReference: string | null;
  nonce: string | null;
  origin: string | null;
  test: boolean;
  receivedAt: Date;
  /** 40 lower-case hexadecimal digits. */
  signature: string;
  /** What the signature covers, without the secret. */
  signedText: string;
  /** Which formula and which secret confirmed it; labels, never the secret. */
  signatureScheme: string;
  secretId: string;
}

export type PolicyDecision = { status: 'recorded' } | { status: 'quarantined'; reason: string };

/** A ledger row as it is read. */
export interface LedgerEntry {
  id: string;
  kind: LedgerKind;
  status: LedgerStatus;
  /** Why it was quarantined; null where it never was. */
  reason: string | null;
  test: boolean;
  transactionId: string;
  content: string;
  name: string | null;
  /** Null where `quantityText` is not a whole number of 1 to 9 digits; then the row can never be released. */
  quantity: number | null;
  quantityText: string;
  userId: string;
  nonce: string | null;
  origin: string | null;
  receivedAt: Date;
  /** When a quarantined row was released or discarded, or came again with nothing against it any more. */
  resolvedAt: Date | null;
  verification: { signature: string; formula: string; secretLabel: string };
  /** How often the same callback came again. */
  duplicates: number;
}

/** Why a row is quarantined whose user reference was never minted here. */
export const UNKNOWN_USER_REFERENCE = 'unknown-user-reference';

/** Why a row is quarantined whose verdict overlooked that its quantity cannot be counted. */
const INVALID_QUANTITY = 'quantity';

/** The row to insert. */
export function newLedgerEntry(
  facts: VerifiedCallbackFields,
  verdict: PolicyDecision,
): Insertable<LedgerTable> {
  const quantity = isQuantity(facts.quantity) ? Number(facts.quantity) : null;
  return {
    id: newLedgerId(),
    kind: facts.kind,
    ...(verdict.status === 'recorded' && quantity === null
      ? { status: 'quarantined', reason: INVALID_QUANTITY }
      : { reason: null, ...verdict }),
    test: facts.test,
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
    formula: facts.signatureScheme,
    secret_index: facts.secretId,
  };
}

/**
 * What makes two callbacks "the same": every field as it arrived. Not the signature, which changes when the vendor
 * repeats a callback after the secret was rotated.
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
    reason: row.reason,
    test: row.test,
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
    verification: { signature: row.signature, formula: row.formula, secretLabel: row.secret_index },
    duplicates: row.duplicates,
  };
}
