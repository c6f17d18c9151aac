import type { Config } from '../config/config.js';
import type { Currency } from '../config/parsers.js';
import type { QuarantineReason } from '../ledger/quarantine-reason.js';
import { isQuantity } from '../ledger/quantity.js';
import type { SignatureScheme, SignedFields } from './kiip-signature.js';
import { MAX_ID_LENGTH } from '../validation/opaque-id.js';
import { isUserReference } from '../user-references/user-reference.js';

/** The configuration of callbacks: KIIP_LEGACY_SIGNATURE, KIIP_USER_REFERENCE and KIIP_CURRENCIES. */
export interface CallbackRules {
  readonly legacySignature: boolean;
  readonly userReference: 'plain' | 'opaque';
  readonly currencies: Currencies | undefined;
}

/** By content. */
export type Currencies = Readonly<Record<string, Currency>>;

export function toCallbackRules(config: Config): CallbackRules {
  return {
    legacySignature: config.kiipLegacySignature,
    userReference: config.kiipUserReference,
    currencies: config.kiipCurrencies,
  };
}

/** The rule that a callback with a valid signature breaks, and the field that breaks it. */
export interface FieldViolation extends QuarantineReason {
  readonly code: 'field-shape' | 'currency' | 'cap';
  readonly field: keyof SignedFields;
}

/** In code points. Kiip documents no limit, so this is the limit of a user id in our own API. */
export const MAX_FIELD_LENGTH = MAX_ID_LENGTH;

/**
 * The form of all ids in Kiip's documents. Most of them are no valid UUID by RFC 9562. The ids of API 1.0, 24
 * hexadecimal digits, belong to another protocol: a callback with such an id is quarantined.
 */
export const KIIP_ID = '[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}';
const TRANSACTION_PATTERN = new RegExp(`^(?:test_)?${KIIP_ID}$`);
export const ID_LENGTH = 36;
export const TRANSACTION_LENGTHS: readonly number[] = [ID_LENGTH, 'test_'.length + ID_LENGTH];

/** 1 to 256 characters, without control characters and lone surrogates. */
const OPAQUE_PATTERN = new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${MAX_FIELD_LENGTH}}$`, 'u');
/** Most texts, which the pattern for all of Unicode takes several times as long for. */
const PLAIN_PATTERN = new RegExp(`^[\\x20-\\x7e]{1,${MAX_FIELD_LENGTH}}$`);
const OPAQUE_PAIR_PATTERN = new RegExp(`^[^\\p{Cc}\\p{Cs}]{2,${2 * MAX_FIELD_LENGTH}}$`, 'u');

// Kiip documents a content as `<virtual_uuid>` in a redemption, and as `coins` in an issuance. A word must not end in a
// digit: `coins1` and `20` would have the same signed text as `coins` and `120`. It must not begin like an id either:
// the beginning of an id would be a valid word.
const ID_PATTERN = new RegExp(`^${KIIP_ID}$`);
const LEADING_ID = new RegExp(`^${KIIP_ID}`);
const BEGINS_LIKE_ID = /^[0-9a-fA-F]{8}-/;
/** A part of a word as well, unlike one with capital letters: a word would end in front of these. */
const LEADING_ID_PART = /^[0-9a-f]{8}-/;
const ID_PART_LENGTH = 9;
const WORD_PATTERN = /^[a-z][a-z0-9_.-]*$/;
const LEADING_WORD = /^[a-z0-9_.-]+/;
const ENDS_IN_DIGIT = /[0-9]$/;

/** The documented origins. Others may exist, so they are accepted: see `splitSuffix`. */
const DOCUMENTED_ORIGINS: readonly string[] = ['survey', 'other'];

function isOpaque(text: string): boolean {
  return PLAIN_PATTERN.test(text) || OPAQUE_PATTERN.test(text);
}

export function isTransactionId(text: string): boolean {
  return TRANSACTION_PATTERN.test(text);
}

/** Test rewards are recorded, but balances do not include them. */
export function isTestTransaction(transactionId: string): boolean {
  return transactionId.startsWith('test_');
}

/** Whether the gateway may have sent this user id to Kiip: any opaque id, or with `opaque`, a user reference. */
export function isUserId(text: string, rules: CallbackRules): boolean {
  return rules.userReference === 'opaque' ? isUserReference(text) : isOpaque(text);
}

/** The part of a signed text in front of the quantity. */
export interface Prefix {
  readonly content: string;
  readonly name: string | undefined;
}

const CONFIGURED_PREFIXES = new WeakMap<Currencies, Map<SignatureScheme, readonly Prefix[]>>();

/** Every configured currency as the part of a signed text in front of the quantity. */
export function configuredPrefixes(scheme: SignatureScheme, currencies: Currencies): readonly Prefix[] {
  const known = CONFIGURED_PREFIXES.get(currencies) ?? new Map<SignatureScheme, readonly Prefix[]>();
  CONFIGURED_PREFIXES.set(currencies, known);
  let prefixes = known.get(scheme);
  if (!prefixes) {
    prefixes = Object.entries(currencies)
      .map(([content, { name }]) => ({ content, name: scheme === 'redemption' ? name : undefined }))
      .filter(({ content, name }) => isOpaque(content) && (name === undefined || isOpaque(name)));
    known.set(scheme, prefixes);
  }
  return prefixes;
}

/**
 * Splits the text in front of the quantity into content and name, where no currencies are configured: the content of a redemption is
 * an id, or the longest word at the beginning.
 */
export function splitPrefix(scheme: SignatureScheme, prefix: string): Prefix | undefined {
  if (scheme !== 'redemption')
    return isContent(scheme, prefix) ? { content: prefix, name: undefined } : undefined;
  const content = (LEADING_ID.exec(prefix) ?? LEADING_WORD.exec(prefix))?.[0] ?? '';
  const name = prefix.slice(content.length);
  return isContent(scheme, content) && isName(name) ? { content, name } : undefined;
}

/** Lengths of prefixes, of which `splitPrefix` accepts none: from the first one to the one before `end`. */
export interface PrefixGap {
  readonly start: number;
  readonly end: number;
}

/**
 * Finds what need not be tried: where a text begins like an id, in lower case, only that id or a word in front of its first hyphen can
 * be a content. A callback for an id has most of the digits that a quantity might be in it.
 */
export function findPrefixGap(text: string): PrefixGap | undefined {
  if (!LEADING_ID_PART.test(text)) return undefined;
  return { start: ID_PART_LENGTH, end: LEADING_ID.test(text) ? ID_LENGTH : Infinity };
}

/** Whether `splitPrefix` may accept a prefix of this length: only an id may end in a digit. */
export function mayEndPrefix(length: number, endsInDigit: boolean): boolean {
  return !endsInDigit || length === ID_LENGTH;
}

/** The part of an issuance's signed text behind the transaction. */
export interface Suffix {
  readonly nonce: string;
  /** Empty if the boundary is unknown; `nonce` is then the whole suffix. */
  readonly origin: string;
}

/**
 * Splits the text behind an issuance's transaction into nonce and origin. Returns undefined if that is impossible.
 *
 * A suffix that ends in a documented origin is split there. Any other suffix could be split anywhere. All these splits
 * count as one parse: they have the same user, currency, quantity and transaction, and a signature is recorded once.
 */
export function splitSuffix(suffix: string): Suffix | undefined {
  for (const origin of DOCUMENTED_ORIGINS) {
    const nonce = suffix.slice(0, -origin.length);
    if (suffix.endsWith(origin) && isOpaque(nonce)) return { nonce, origin };
  }
  return OPAQUE_PAIR_PATTERN.test(suffix) ? { nonce: suffix, origin: '' } : undefined;
}

/** Whether a text is a documented origin. */
export function isDocumentedOrigin(text: string): boolean {
  return DOCUMENTED_ORIGINS.includes(text);
}

/** Whether the quantity is one that its currency may have. There is no limit without configured currencies. */
export function isWithinCap(content: string, quantity: string, rules: CallbackRules): boolean {
  const currency = findCurrency(content, rules);
  return currency === undefined || allowsQuantity(currency, Number(quantity));
}

/** Whether a callback for this currency may have the quantity. */
export function isPossibleQuantity(content: string, quantity: string, rules: CallbackRules): boolean {
  return isQuantity(quantity) && isWithinCap(content, quantity, rules);
}

/** Whether a longer name, or content where there is no name, is possible in front of the quantity. */
export function isUnclearPrefix(scheme: SignatureScheme, content: string, rules: CallbackRules): boolean {
  // The configured currencies are all there are, and none of them continues another one with digits.
  if (rules.currencies !== undefined) return false;
  // Nothing comes between an id and the quantity.
  return scheme === 'redemption' || !ID_PATTERN.test(content);
}

/** Whether every field has a form that a field of its kind can have at all. Most ways to split a signed text have none. */
export function isWellFormed({
  content,
  name,
  quantity,
  user_id,
  transaction_id,
  nonce,
  origin,
}: SignedFields): boolean {
  const texts = [content, user_id, name, nonce, origin].filter((text) => text !== undefined);
  return isTransactionId(transaction_id) && isQuantity(quantity) && texts.every((text) => isOpaque(text));
}

/** What a promise tells about a callback for its transaction. */
export interface PromisedFields {
  readonly userId: string;
  readonly quantity: string | undefined;
}

/**
 * Finds the first rule that the fields of a callback break, under the scheme that it is signed with.
 * @param promised what is known of the callback: the rules that only serve to find this out do not apply
 */
export function findViolation(
  scheme: SignatureScheme,
  fields: SignedFields,
  rules: CallbackRules,
  promised?: PromisedFields,
): FieldViolation | undefined {
  const { content, name, quantity, user_id, transaction_id, nonce, origin } = fields;
  if (!isTransactionId(transaction_id)) return invalidField('transaction_id');
  if (!isQuantity(quantity)) return invalidField('quantity');
  if (user_id !== promised?.userId && !isUserId(user_id, rules)) return invalidField('user_id');
  if (nonce !== undefined && !isOpaque(nonce)) return invalidField('nonce');
  if (origin !== undefined && !(isOpaque(origin) && splitsAt(nonce, origin))) return invalidField('origin');
  const isQuantityKnown = promised?.quantity !== undefined;
  return (
    findPrefixViolation(scheme, content, name, rules, isQuantityKnown) ??
    findCapViolation(content, quantity, rules)
  );
}

function findPrefixViolation(
  scheme: SignatureScheme,
  content: string,
  name: string | undefined,
  rules: CallbackRules,
  isQuantityKnown: boolean,
): FieldViolation | undefined {
  if (!isOpaque(content)) return invalidField('content');
  if (name !== undefined && !isOpaque(name)) return invalidField('name');
  if (rules.currencies !== undefined) {
    const currency = findCurrency(content, rules);
    if (currency === undefined) return { code: 'currency', field: 'content' };
    return name === undefined || name === currency.name ? undefined : { code: 'currency', field: 'name' };
  }
  if (isQuantityKnown && isKnownPrefix(scheme, content, name)) return undefined;
  if (!isContent(scheme, content)) return invalidField('content');
  if (name === undefined) return undefined;
  // The legacy scheme does not sign the name, so there is no boundary in front of it to check.
  const valid = scheme === 'redemption' ? splitPrefix(scheme, content + name)?.name === name : isName(name);
  return valid ? undefined : invalidField('name');
}

/**
 * Whether content and name are acceptable where the promise tells the quantity, and thereby where they end. Both may end in
 * digits then. A name may also begin like a content, unless the content can be told from it by the usual rules.
 */
function isKnownPrefix(scheme: SignatureScheme, content: string, name: string | undefined): boolean {
  if (scheme === 'issuance') return true;
  if (scheme === 'legacy-redemption' || name === undefined) return false;
  const prefix = content + name;
  if (BEGINS_LIKE_ID.test(prefix)) return ID_PATTERN.test(content);
  const word = LEADING_WORD.exec(prefix)?.[0] ?? '';
  return word === content || word === prefix || !WORD_PATTERN.test(word);
}

function invalidField(field: keyof SignedFields): FieldViolation {
  return { code: 'field-shape', field };
}

function findCapViolation(
  content: string,
  quantity: string,
  rules: CallbackRules,
): FieldViolation | undefined {
  return isWithinCap(content, quantity, rules) ? undefined : { code: 'cap', field: 'quantity' };
}

function splitsAt(nonce: string | undefined, origin: string): boolean {
  const split = splitSuffix((nonce ?? '') + origin);
  return split !== undefined && (split.origin === '' || split.origin === origin);
}

function isContent(scheme: SignatureScheme, content: string): boolean {
  if (ID_PATTERN.test(content)) return true;
  if (BEGINS_LIKE_ID.test(content) || ENDS_IN_DIGIT.test(content) || !isOpaque(content)) return false;
  // In an issuance the quantity follows, so the content may have any other characters. In a redemption the name
  // follows, and a legacy content must not be readable as a redemption's content and name.
  return scheme === 'issuance' || WORD_PATTERN.test(content);
}

/** A name must not end in a digit: `Gold1` and `20` would have the same signed text as `Gold` and `120`. */
function isName(name: string): boolean {
  return isOpaque(name) && !ENDS_IN_DIGIT.test(name);
}

function allowsQuantity({ max_quantity, quantities }: Currency, quantity: number): boolean {
  return (
    (max_quantity === undefined || quantity <= max_quantity) &&
    (quantities === undefined || quantities.includes(quantity))
  );
}

export function findCurrency(content: string, { currencies }: CallbackRules): Currency | undefined {
  return currencies !== undefined && Object.hasOwn(currencies, content) ? currencies[content] : undefined;
}
