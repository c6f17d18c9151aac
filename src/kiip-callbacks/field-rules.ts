import type { Currency } from '../config/parsers.js';
import { isQuantity } from '../ledger/quantity.js';
import type { Formula, SignedFields } from './kiip-signature.js';
import { isUserReference } from '../user-references/user-reference.js';

/** What the configuration says about callbacks: KIIP_LEGACY_SIGNATURE, KIIP_USER_REFERENCE, KIIP_CURRENCIES. */
export interface KiipRules {
  readonly legacySignature: boolean;
  readonly userReference: 'plain' | 'opaque';
  /** By content. */
  readonly currencies: Readonly<Record<string, Currency>> | undefined;
}

/** What a correctly signed callback is quarantined for, and the member it is about. */
export interface BrokenRule {
  readonly rule: 'field-shape' | 'currency' | 'cap';
  readonly member: keyof SignedFields;
}

/** No vendor text limits a length; 256 is what our own API lets through as a user id. In code points, not UTF-16 units. */
export const LONGEST_FIELD = 256;

/**
 * Every id of Kiip's in its own text has this shape, none of them is an RFC 4122 UUID. The 24 hexadecimal digits of the
 * API 1.0 are another protocol's: a callback with such an id waits for a decision.
 */
const KIIP_ID = '[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}';
const TRANSACTION = new RegExp(`^(?:test_)?${KIIP_ID}$`);
export const TRANSACTION_LENGTHS: readonly number[] = [36, 'test_'.length + 36];

/** One to 256 characters, no control character, nothing that has no UTF-8. */
const OPAQUE = new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${LONGEST_FIELD}}$`, 'u');
const OPAQUE_PAIR = new RegExp(`^[^\\p{Cc}\\p{Cs}]{2,${2 * LONGEST_FIELD}}$`, 'u');

// The vendor calls a content `<virtual_uuid>` in a redemption, and `coins` in an issuance. A word ends in no digit, or
// `coins1` + `20` would be `coins` + `120`; and it does not begin as an id does, or a cut-off id would be one.
const ID = new RegExp(`^${KIIP_ID}$`);
const LEADING_ID = new RegExp(`^${KIIP_ID}`);
const BEGINS_LIKE_ID = /^[0-9a-fA-F]{8}-/;
const WORD = /^[a-z][a-z0-9_.-]*$/;
const LEADING_WORD = /^[a-z0-9_.-]+/;
const ENDS_IN_DIGIT = /[0-9]$/;

/** The origins that the vendor's text names. No other list is known, so others are let through: see `cutTail`. */
const DOCUMENTED_ORIGINS: readonly string[] = ['survey', 'other'];

export function isTransactionId(text: string): boolean {
  return TRANSACTION.test(text);
}

/** Test rewards are recorded, and count in no balance. */
export function isTestTransaction(transactionId: string): boolean {
  return transactionId.startsWith('test_');
}

/** A user id that we may have sent to Kiip: any text of ours, or a reference minted by us. */
export function isUserId(text: string, rules: KiipRules): boolean {
  return rules.userReference === 'opaque' ? isUserReference(text) : OPAQUE.test(text);
}

/** The head of a signed text, in front of the quantity. */
export interface Head {
  readonly content: string;
  readonly name: string | undefined;
}

/**
 * Every way to read the text in front of the quantity as content (and name). With currencies configured these are the
 * configured ones; without, a redemption's content is an id, or a word that the name's first character does not go on.
 */
export function cutHead(formula: Formula, head: string, rules: KiipRules): readonly Head[] {
  const named = formula === 'redemption';
  if (rules.currencies !== undefined) {
    return Object.entries(rules.currencies)
      .map(([content, { name }]): Head => ({ content, name: named ? name : undefined }))
      .filter(({ content, name = '' }) => content + name === head)
      .filter(({ content, name }) => OPAQUE.test(content) && (name === undefined || OPAQUE.test(name)));
  }
  if (!named) return isContent(formula, head) ? [{ content: head, name: undefined }] : [];
  const content = (LEADING_ID.exec(head) ?? LEADING_WORD.exec(head))?.[0] ?? '';
  const name = head.slice(content.length);
  return isContent(formula, content) && isName(name) ? [{ content, name }] : [];
}

/** The end of an issuance's signed text, behind the transaction. */
export interface Tail {
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
export function cutTail(tail: string): Tail | undefined {
  for (const origin of DOCUMENTED_ORIGINS) {
    const nonce = tail.slice(0, -origin.length);
    if (tail.endsWith(origin) && OPAQUE.test(nonce)) return { nonce, origin };
  }
  return OPAQUE_PAIR.test(tail) ? { nonce: tail, origin: '' } : undefined;
}

/** Whether the quantity is within the cap of its currency; without currencies there is none. */
export function isWithinCap(content: string, quantity: string, rules: KiipRules): boolean {
  const currency = currencyOf(content, rules);
  return currency === undefined || Number(quantity) <= currency.max_quantity;
}

/** The first rule that the fields of a correctly signed callback break, under the formula that it was signed with. */
export function findBrokenRule(
  formula: Formula,
  fields: SignedFields,
  rules: KiipRules,
): BrokenRule | undefined {
  const { content, name, quantity, user_id, transaction_id, nonce, origin } = fields;
  if (!isTransactionId(transaction_id)) return shape('transaction_id');
  if (!isQuantity(quantity)) return shape('quantity');
  if (!isUserId(user_id, rules)) return shape('user_id');
  if (nonce !== undefined && !OPAQUE.test(nonce)) return shape('nonce');
  if (origin !== undefined && !(OPAQUE.test(origin) && cutsAt(nonce, origin))) return shape('origin');
  return findBrokenHead(formula, content, name, rules) ?? findBrokenCap(content, quantity, rules);
}

function findBrokenHead(
  formula: Formula,
  content: string,
  name: string | undefined,
  rules: KiipRules,
): BrokenRule | undefined {
  if (!OPAQUE.test(content)) return shape('content');
  if (name !== undefined && !OPAQUE.test(name)) return shape('name');
  if (rules.currencies !== undefined) {
    const currency = currencyOf(content, rules);
    if (currency === undefined) return { rule: 'currency', member: 'content' };
    return name === undefined || name === currency.name ? undefined : { rule: 'currency', member: 'name' };
  }
  if (!isContent(formula, content)) return shape('content');
  if (name === undefined) return undefined;
  // Under the legacy formula a name is not part of the signed text, so there is no cut in front of it.
  const cut =
    formula === 'redemption' ? cutHead(formula, content + name, rules)[0]?.name === name : isName(name);
  return cut ? undefined : shape('name');
}

function shape(member: keyof SignedFields): BrokenRule {
  return { rule: 'field-shape', member };
}

function findBrokenCap(content: string, quantity: string, rules: KiipRules): BrokenRule | undefined {
  return isWithinCap(content, quantity, rules) ? undefined : { rule: 'cap', member: 'quantity' };
}

function cutsAt(nonce: string | undefined, origin: string): boolean {
  const cut = cutTail((nonce ?? '') + origin);
  return cut !== undefined && (cut.origin === '' || cut.origin === origin);
}

function isContent(formula: Formula, content: string): boolean {
  if (ID.test(content)) return true;
  if (BEGINS_LIKE_ID.test(content) || ENDS_IN_DIGIT.test(content) || !OPAQUE.test(content)) return false;
  // Behind an issuance's content comes a digit, whatever the content is made of. In a redemption comes a name, and a
  // legacy content must not be readable as a redemption's content and name.
  return formula === 'issuance' || WORD.test(content);
}

/** The dashboard's text for a currency; one that ends in a digit would lend it to the quantity (`Gold1` + `20`). */
function isName(name: string): boolean {
  return OPAQUE.test(name) && !ENDS_IN_DIGIT.test(name);
}

export function currencyOf(content: string, { currencies }: KiipRules): Currency | undefined {
  return currencies !== undefined && Object.hasOwn(currencies, content) ? currencies[content] : undefined;
}
