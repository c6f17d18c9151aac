import type { Currency } from '../config/parsers.js';
import { isQuantity } from '../ledger/quantity.js';
import type { SignatureScheme, SignedFields } from './kiip-signature.js';
import { isUserReference } from '../user-references/user-reference.js';

/** What the configuration says about callbacks: KIIP_LEGACY_SIGNATURE, KIIP_USER_REFERENCE, KIIP_CURRENCIES. */
export interface CallbackRules {
  readonly legacySignature: boolean;
  readonly userReference: 'plain' | 'opaque';
  /** By content. */
  readonly currencies: Readonly<Record<string, Currency>> | undefined;
}

/** What a correctly signed callback is quarantined for, and the member it is about. */
export interface FieldViolation {
  readonly rule: 'field-shape' | 'currency' | 'cap';
  readonly field: keyof SignedFields;
}

/** No vendor text limits a length; 256 is what our own API lets through as a user id. In code points, not UTF-16 units. */
export const MAX_FIELD_LENGTH = 256;

/**
 * Every id of Kiip's in its own text has this shape, none of them is an RFC 4122 UUID. The 24 hexadecimal digits of the
 * API 1.0 are another protocol's: a callback with such an id waits for a decision.
 */
const KIIP_ID = '[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}';
const TRANSACTION_PATTERN = new RegExp(`^(?:test_)?${KIIP_ID}$`);
export const TRANSACTION_LENGTHS: readonly number[] = [36, 'test_'.length + 36];

/** One to 256 characters, no control character, nothing that has no UTF-8. */
const OPAQUE_PATTERN = new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${MAX_FIELD_LENGTH}}$`, 'u');
const OPAQUE_PAIR_PATTERN = new RegExp(`^[^\\p{Cc}\\p{Cs}]{2,${2 * MAX_FIELD_LENGTH}}$`, 'u');

// The vendor calls a content `<virtual_uuid>` in a redemption, and `coins` in an issuance. A word ends in no digit, or
// `coins1` + `20` would be `coins` + `120`; and it does not begin as an id does, or a cut-off id would be one.
const ID_PATTERN = new RegExp(`^${KIIP_ID}$`);
const LEADING_ID = new RegExp(`^${KIIP_ID}`);
const BEGINS_LIKE_ID = /^[0-9a-fA-F]{8}-/;
const WORD_PATTERN = /^[a-z][a-z0-9_.-]*$/;
const LEADING_WORD = /^[a-z0-9_.-]+/;
const ENDS_IN_DIGIT = /[0-9]$/;

/** The origins that the vendor's text names. No other list is known, so others are let through: see `cutTail`. */
const DOCUMENTED_ORIGINS: readonly string[] = ['survey', 'other'];

export function isTransactionId(text: string): boolean {
  return TRANSACTION_PATTERN.test(text);
}

/** Test rewards are recorded, and count in no balance. */
export function isTestTransaction(transactionId: string): boolean {
  return transactionId.startsWith('test_');
}

/** A user id that we may have sent to Kiip: any text of ours, or a reference minted by us. */
export function isUserId(text: string, rules: CallbackRules): boolean {
  return rules.userReference === 'opaque' ? isUserReference(text) : OPAQUE_PATTERN.test(text);
}

/** The head of a signed text, in front of the quantity. */
export interface Prefix {
  readonly content: string;
  readonly name: string | undefined;
}

/**
 * Every way to read the text in front of the quantity as content (and name). With currencies configured these are the
 * configured ones; without, a redemption's content is an id, or a word that the name's first character does not go on.
 */
export function splitPrefix(formula: SignatureScheme, head: string, rules: CallbackRules): readonly Prefix[] {
  const named = formula === 'redemption';
  if (rules.currencies !== undefined) {
    return Object.entries(rules.currencies)
      .map(([content, { name }]): Prefix => ({ content, name: named ? name : undefined }))
      .filter(({ content, name = '' }) => content + name === head)
      .filter(
        ({ content, name }) =>
          OPAQUE_PATTERN.test(content) && (name === undefined || OPAQUE_PATTERN.test(name)),
      );
  }
  if (!named) return isContent(formula, head) ? [{ content: head, name: undefined }] : [];
  const content = (LEADING_ID.exec(head) ?? LEADING_WORD.exec(head))?.[0] ?? '';
  const name = head.slice(content.length);
  return isContent(formula, content) && isName(name) ? [{ content, name }] : [];
}

/** The end of an issuance's signed text, behind the transaction. */
export interface Suffix {
  readonly nonce: string;
  /** Empty where the cut cannot be proven; `nonce` is then the whole tail. */
  readonly origin: string;
}

/**
 * The one way to read the text behind an issuance's transaction as nonce and origin, or undefined if there is none.
 *
 * A tail that ends in a documented origin is cut there. Any other tail could be cut anywhere, and no rule could tell
 * where: these cuts count as one reading, since user, currency, quantity and transaction are the same in all of them,
 * and one signature is recorded once.
 */
export function splitSuffix(tail: string): Suffix | undefined {
  for (const origin of DOCUMENTED_ORIGINS) {
    const nonce = tail.slice(0, -origin.length);
    if (tail.endsWith(origin) && OPAQUE_PATTERN.test(nonce)) return { nonce, origin };
  }
  return OPAQUE_PAIR_PATTERN.test(tail) ? { nonce: tail, origin: '' } : undefined;
}

/** Whether the quantity is within the cap of its currency; without currencies there is none. */
export function isWithinCap(content: string, quantity: string, rules: CallbackRules): boolean {
  const currency = findCurrency(content, rules);
  return currency === undefined || Number(quantity) <= currency.max_quantity;
}

/** The first rule that the fields of a correctly signed callback break, under the formula that it was signed with. */
export function findViolation(
  formula: SignatureScheme,
  fields: SignedFields,
  rules: CallbackRules,
): FieldViolation | undefined {
  const { content, name, quantity, user_id, transaction_id, nonce, origin } = fields;
  if (!isTransactionId(transaction_id)) return invalidField('transaction_id');
  if (!isQuantity(quantity)) return invalidField('quantity');
  if (!isUserId(user_id, rules)) return invalidField('user_id');
  if (nonce !== undefined && !OPAQUE_PATTERN.test(nonce)) return invalidField('nonce');
  if (origin !== undefined && !(OPAQUE_PATTERN.test(origin) && splitsAt(nonce, origin)))
    return invalidField('origin');
  return findPrefixViolation(formula, content, name, rules) ?? findCapViolation(content, quantity, rules);
}

function findPrefixViolation(
  formula: SignatureScheme,
  content: string,
  name: string | undefined,
  rules: CallbackRules,
): FieldViolation | undefined {
  if (!OPAQUE_PATTERN.test(content)) return invalidField('content');
  if (name !== undefined && !OPAQUE_PATTERN.test(name)) return invalidField('name');
  if (rules.currencies !== undefined) {
    const currency = findCurrency(content, rules);
    if (currency === undefined) return { rule: 'currency', field: 'content' };
    return name === undefined || name === currency.name ? undefined : { rule: 'currency', field: 'name' };
  }
  if (!isContent(formula, content)) return invalidField('content');
  if (name === undefined) return undefined;
  // Under the legacy formula a name is not part of the signed text, so there is no cut in front of it.
  const cut =
    formula === 'redemption' ? splitPrefix(formula, content + name, rules)[0]?.name === name : isName(name);
  return cut ? undefined : invalidField('name');
}

function invalidField(member: keyof SignedFields): FieldViolation {
  return { rule: 'field-shape', field: member };
}

function findCapViolation(
  content: string,
  quantity: string,
  rules: CallbackRules,
): FieldViolation | undefined {
  return isWithinCap(content, quantity, rules) ? undefined : { rule: 'cap', field: 'quantity' };
}

function splitsAt(nonce: string | undefined, origin: string): boolean {
  const cut = splitSuffix((nonce ?? '') + origin);
  return cut !== undefined && (cut.origin === '' || cut.origin === origin);
}

function isContent(formula: SignatureScheme, content: string): boolean {
  if (ID_PATTERN.test(content)) return true;
  if (BEGINS_LIKE_ID.test(content) || ENDS_IN_DIGIT.test(content) || !OPAQUE_PATTERN.test(content))
    return false;
  // Behind an issuance's content comes a digit, whatever the content is made of. In a redemption comes a name, and a
  // legacy content must not be readable as a redemption's content and name.
  return formula === 'issuance' || WORD_PATTERN.test(content);
}

/** The dashboard's text for a currency; one that ends in a digit would lend it to the quantity (`Gold1` + `20`). */
function isName(name: string): boolean {
  return OPAQUE_PATTERN.test(name) && !ENDS_IN_DIGIT.test(name);
}

export function findCurrency(content: string, { currencies }: CallbackRules): Currency | undefined {
  return currencies !== undefined && Object.hasOwn(currencies, content) ? currencies[content] : undefined;
}
