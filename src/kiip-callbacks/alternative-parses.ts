import {
  splitPrefix,
  splitSuffix,
  isTransactionId,
  isUserId,
  MAX_FIELD_LENGTH,
  TRANSACTION_LENGTHS,
} from './field-rules.js';
import { MAX_QUANTITY_DIGITS, isQuantity } from '../ledger/quantity.js';
import type { Prefix, CallbackRules } from './field-rules.js';
import { signedText } from './kiip-signature.js';
import type { SignatureScheme, SignedFields } from './kiip-signature.js';
import { USER_REFERENCE_LENGTH } from '../user-references/user-reference.js';

/** One way to split a signed text into the fields of a scheme. */
export interface SignedTextParse {
  readonly scheme: SignatureScheme;
  readonly content: string;
  readonly name: string | undefined;
  readonly quantity: string;
  readonly user_id: string;
  readonly transaction_id: string;
  readonly nonce: string | undefined;
  /** Empty if the boundary between nonce and origin is unknown; `nonce` is then both together. */
  readonly origin: string | undefined;
}

/**
 * Every parse of a signed text except the received one, by user id. The callback may be recorded only if the gateway
 * has never sent a user id among the keys of `byUser` to Kiip. This includes the user of the callback itself.
 */
export type AlternativeParses =
  | {
      readonly exhaustive: true;
      readonly byUser: ReadonlyMap<string, readonly SignedTextParse[]>;
      readonly tried: number;
    }
  /** There are too many parses to look up: the callback is quarantined. */
  | { readonly exhaustive: false; readonly tried: number };

/** A genuine redemption has at most two per character of its user id. Only a text crafted with many ids has more. */
export const MAX_PARSES = 1_000;

/** The length of an issuance whose fields all have their maximum length, in code points. */
export const MAX_SIGNED_TEXT_LENGTH =
  4 * MAX_FIELD_LENGTH + MAX_QUANTITY_DIGITS + Math.max(...TRANSACTION_LENGTHS);

/**
 * Finds every way to split the signed text of a callback into valid fields, under every enabled scheme: the signed text
 * has no separators (docs/vendors/kiip.md, section 8).
 *
 * The work is bounded for every text. A text longer than all fields together has no parse. A transaction has a fixed
 * form, a user id begins at most 256 characters in front of it, and a quantity at most nine digits in front of that.
 * The rest is checked once for each position where it can end.
 *
 * @param scheme the scheme that the callback is signed with
 * @returns also `tried`, the number of quantities tried, as a measure of the work
 */
export function findAlternativeParses(
  scheme: SignatureScheme,
  fields: SignedFields,
  rules: CallbackRules,
): AlternativeParses {
  const search = { tried: 0 };
  const original = toKey(toParse(scheme, fields));
  const byUser = new Map<string, SignedTextParse[]>();
  let found = 0;
  for (const parse of parses(signedText(scheme, fields), rules, search)) {
    if (toKey(parse) === original) continue;
    found += 1;
    if (found > MAX_PARSES) return { exhaustive: false, tried: search.tried };
    const ofUser = byUser.get(parse.user_id);
    if (ofUser === undefined) byUser.set(parse.user_id, [parse]);
    else ofUser.push(parse);
  }
  return { exhaustive: true, byUser, tried: search.tried };
}

function* parses(text: string, rules: CallbackRules, search: { tried: number }): Generator<SignedTextParse> {
  // A code point has at most two UTF-16 units. This check avoids copying a long text for the next one.
  if (text.length > 2 * MAX_SIGNED_TEXT_LENGTH) return;
  const points = CodePoints.of(text);
  if (points.length > MAX_SIGNED_TEXT_LENGTH) return;
  const schemes: SignatureScheme[] = ['redemption', 'issuance'];
  if (rules.legacySignature) schemes.push('legacy-redemption');
  for (const scheme of schemes) {
    const prefixes = new Map<number, readonly Prefix[]>();
    for (const { start: userEnd, ...end } of transactionSpans(scheme, points)) {
      for (const userStart of userStarts(points, userEnd, rules)) {
        for (const quantityStart of quantityStarts(points, userStart)) {
          search.tried += 1;
          const known =
            prefixes.get(quantityStart) ?? splitPrefix(scheme, points.slice(0, quantityStart), rules);
          prefixes.set(quantityStart, known);
          const quantity = points.slice(quantityStart, userStart);
          for (const prefix of known) {
            yield { scheme, ...prefix, quantity, user_id: points.slice(userStart, userEnd), ...end };
          }
        }
      }
    }
  }
}

/** The possible transactions, each with its start and the suffix behind it. */
function* transactionSpans(scheme: SignatureScheme, points: CodePoints) {
  const [shortest, longest] = scheme === 'issuance' ? [2, 2 * MAX_FIELD_LENGTH] : [0, 0];
  for (let length = shortest; length <= Math.min(longest, points.length); length += 1) {
    const end = points.length - length;
    for (const start of TRANSACTION_LENGTHS.map((transactionLength) => end - transactionLength)) {
      if (start < 0 || !isTransactionId(points.slice(start, end))) continue;
      const suffix = splitSuffix(points.slice(end, points.length));
      if (scheme === 'issuance' && suffix === undefined) continue;
      yield { start, transaction_id: points.slice(start, end), nonce: suffix?.nonce, origin: suffix?.origin };
    }
  }
}

function* userStarts(points: CodePoints, end: number, rules: CallbackRules): Generator<number> {
  const [shortest, longest] =
    rules.userReference === 'opaque' ? [USER_REFERENCE_LENGTH, USER_REFERENCE_LENGTH] : [1, MAX_FIELD_LENGTH];
  for (let start = end - shortest; start >= Math.max(0, end - longest); start -= 1) {
    // If a user id is invalid, every longer one with the same end is invalid too.
    if (!isUserId(points.slice(start, end), rules)) return;
    yield start;
  }
}

function* quantityStarts(points: CodePoints, end: number): Generator<number> {
  for (let start = end - 1; start >= Math.max(0, end - MAX_QUANTITY_DIGITS); start -= 1) {
    const quantity = points.slice(start, end);
    if (isQuantity(quantity)) yield start;
    // A leading zero may have another digit in front of it. Any other invalid quantity makes the longer ones invalid.
    else if (!quantity.startsWith('0')) return;
  }
}

/** A text that is split between code points: half of a surrogate pair cannot be part of a field. */
class CodePoints {
  private constructor(
    private readonly text: string,
    private readonly offsets: readonly number[],
  ) {}

  static of(text: string): CodePoints {
    const offsets = [0];
    let offset = 0;
    for (const point of text) offsets.push((offset += point.length));
    return new CodePoints(text, offsets);
  }

  get length(): number {
    return this.offsets.length - 1;
  }

  slice(start: number, end: number): string {
    return this.text.slice(this.offsets[start], this.offsets[end]);
  }
}

function toParse(scheme: SignatureScheme, fields: SignedFields): SignedTextParse {
  const { content, quantity, user_id, transaction_id } = fields;
  const name = scheme === 'redemption' ? fields.name : undefined;
  if (scheme !== 'issuance') {
    return {
      scheme,
      content,
      name,
      quantity,
      user_id,
      transaction_id,
      nonce: undefined,
      origin: undefined,
    };
  }
  const { nonce = '', origin = '' } = fields;
  const hasKnownOrigin = splitSuffix(nonce + origin)?.origin !== '';
  const suffix = hasKnownOrigin ? { nonce, origin } : { nonce: nonce + origin, origin: '' };
  return { scheme, content, name, quantity, user_id, transaction_id, ...suffix };
}

function toKey(parse: SignedTextParse): string {
  const { scheme, content, name, quantity, user_id, transaction_id, nonce, origin } = parse;
  return JSON.stringify([scheme, content, name, quantity, user_id, transaction_id, nonce, origin]);
}
