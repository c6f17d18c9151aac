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

/** One way to cut a signed text into the fields of one formula. */
export interface SignedTextParse {
  readonly scheme: SignatureScheme;
  readonly content: string;
  readonly name: string | undefined;
  readonly quantity: string;
  readonly user_id: string;
  readonly transaction_id: string;
  readonly nonce: string | undefined;
  /** Empty where no rule tells nonce and origin apart; `nonce` is then both of them. */
  readonly origin: string | undefined;
}

/**
 * Every reading of a signed text but the one that arrived, by user id. The callback may be recorded if no key of
 * `byUser` is a user that this gateway has sent to Kiip, the user of the callback itself included.
 */
export type AlternativeParses =
  | {
      readonly exhaustive: true;
      readonly byUser: ReadonlyMap<string, readonly SignedTextParse[]>;
      readonly tried: number;
    }
  /** Too many to look up: the callback waits for a decision. */
  | { readonly exhaustive: false; readonly tried: number };

/** A genuine redemption has at most two per character of its user id; more of them can only be an issuance stuffed with ids. */
export const MAX_PARSES = 1_000;

/** The longest text in which every field fits, an issuance's; in code points. */
export const MAX_SIGNED_TEXT_LENGTH =
  4 * MAX_FIELD_LENGTH + MAX_QUANTITY_DIGITS + Math.max(...TRANSACTION_LENGTHS);

/**
 * Cuts the signed text of a callback in every way that fits every field's grammar, under every active formula.
 *
 * The time is bounded whatever the text: one that is longer than all fields together has no reading, a transaction
 * has a fixed shape, a user id begins at most 256 characters in front of it, a quantity at most nine digits in front
 * of that, and what is left is tested once for each of its ends.
 *
 * @param formula the one that the signature was made with
 * @returns with `tried`, the number of quantities looked at, which is the work done
 */
export function findAlternativeParses(
  formula: SignatureScheme,
  fields: SignedFields,
  rules: CallbackRules,
): AlternativeParses {
  const search = { tried: 0 };
  const original = toKey(toParse(formula, fields));
  const byUser = new Map<string, SignedTextParse[]>();
  let found = 0;
  for (const reading of parses(signedText(formula, fields), rules, search)) {
    if (toKey(reading) === original) continue;
    found += 1;
    if (found > MAX_PARSES) return { exhaustive: false, tried: search.tried };
    const ofUser = byUser.get(reading.user_id);
    if (ofUser === undefined) byUser.set(reading.user_id, [reading]);
    else ofUser.push(reading);
  }
  return { exhaustive: true, byUser, tried: search.tried };
}

function* parses(text: string, rules: CallbackRules, search: { tried: number }): Generator<SignedTextParse> {
  // A code point has at most two units. The first test spares the second one the copy of a long text.
  if (text.length > 2 * MAX_SIGNED_TEXT_LENGTH) return;
  const points = CodePoints.of(text);
  if (points.length > MAX_SIGNED_TEXT_LENGTH) return;
  const formulas: SignatureScheme[] = ['redemption', 'issuance'];
  if (rules.legacySignature) formulas.push('legacy-redemption');
  for (const formula of formulas) {
    const heads = new Map<number, readonly Prefix[]>();
    for (const { start: userEnd, ...end } of transactionSpans(formula, points)) {
      for (const userStart of userStarts(points, userEnd, rules)) {
        for (const quantityStart of quantityStarts(points, userStart)) {
          search.tried += 1;
          const known =
            heads.get(quantityStart) ?? splitPrefix(formula, points.slice(0, quantityStart), rules);
          heads.set(quantityStart, known);
          const quantity = points.slice(quantityStart, userStart);
          for (const head of known) {
            yield { scheme: formula, ...head, quantity, user_id: points.slice(userStart, userEnd), ...end };
          }
        }
      }
    }
  }
}

/** The transactions that a user id can end in front of, and what is behind them. */
function* transactionSpans(formula: SignatureScheme, points: CodePoints) {
  const [shortest, longest] = formula === 'issuance' ? [2, 2 * MAX_FIELD_LENGTH] : [0, 0];
  for (let tail = shortest; tail <= Math.min(longest, points.length); tail += 1) {
    const end = points.length - tail;
    for (const start of TRANSACTION_LENGTHS.map((length) => end - length)) {
      if (start < 0 || !isTransactionId(points.slice(start, end))) continue;
      const cut = splitSuffix(points.slice(end, points.length));
      if (formula === 'issuance' && cut === undefined) continue;
      yield { start, transaction_id: points.slice(start, end), nonce: cut?.nonce, origin: cut?.origin };
    }
  }
}

function* userStarts(points: CodePoints, end: number, rules: CallbackRules): Generator<number> {
  const [shortest, longest] =
    rules.userReference === 'opaque' ? [USER_REFERENCE_LENGTH, USER_REFERENCE_LENGTH] : [1, MAX_FIELD_LENGTH];
  for (let start = end - shortest; start >= Math.max(0, end - longest); start -= 1) {
    // What breaks a user id breaks every longer one that ends here, so this is the last of them.
    if (!isUserId(points.slice(start, end), rules)) return;
    yield start;
  }
}

function* quantityStarts(points: CodePoints, end: number): Generator<number> {
  for (let start = end - 1; start >= Math.max(0, end - MAX_QUANTITY_DIGITS); start -= 1) {
    const quantity = points.slice(start, end);
    if (isQuantity(quantity)) yield start;
    // A zero in front may have another digit in front of it; anything else in front breaks every longer one too.
    else if (!quantity.startsWith('0')) return;
  }
}

/** A text that is cut between its code points and never inside one: half of one could not have arrived. */
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

function toParse(formula: SignatureScheme, fields: SignedFields): SignedTextParse {
  const { content, quantity, user_id, transaction_id } = fields;
  const name = formula === 'redemption' ? fields.name : undefined;
  if (formula !== 'issuance') {
    return {
      scheme: formula,
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
  const provable = splitSuffix(nonce + origin)?.origin !== '';
  const tail = provable ? { nonce, origin } : { nonce: nonce + origin, origin: '' };
  return { scheme: formula, content, name, quantity, user_id, transaction_id, ...tail };
}

function toKey(reading: SignedTextParse): string {
  const { scheme: formula, content, name, quantity, user_id, transaction_id, nonce, origin } = reading;
  return JSON.stringify([formula, content, name, quantity, user_id, transaction_id, nonce, origin]);
}
