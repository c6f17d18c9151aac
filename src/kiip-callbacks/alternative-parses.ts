import {
  cutHead,
  cutTail,
  isTransactionId,
  isUserId,
  LONGEST_FIELD,
  TRANSACTION_LENGTHS,
} from './field-rules.js';
import { MAX_QUANTITY_DIGITS, isQuantity } from '../ledger/quantity.js';
import type { Head, KiipRules } from './field-rules.js';
import { signedText } from './kiip-signature.js';
import type { Formula, SignedFields } from './kiip-signature.js';
import { USER_REFERENCE_LENGTH } from '../user-references/user-reference.js';

/** One way to cut a signed text into the fields of one formula. */
export interface Reading {
  readonly formula: Formula;
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
export type OtherReadings =
  | {
      readonly provable: true;
      readonly byUser: ReadonlyMap<string, readonly Reading[]>;
      readonly tried: number;
    }
  /** Too many to look up: the callback waits for a decision. */
  | { readonly provable: false; readonly tried: number };

/** A genuine redemption has at most two per character of its user id; more of them can only be an issuance stuffed with ids. */
export const MOST_READINGS = 1_000;

/** The longest text in which every field fits, an issuance's; in code points. */
export const LONGEST_TEXT = 4 * LONGEST_FIELD + MAX_QUANTITY_DIGITS + Math.max(...TRANSACTION_LENGTHS);

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
export function findOtherReadings(formula: Formula, fields: SignedFields, rules: KiipRules): OtherReadings {
  const search = { tried: 0 };
  const arrived = keyOf(readingOf(formula, fields));
  const byUser = new Map<string, Reading[]>();
  let found = 0;
  for (const reading of readings(signedText(formula, fields), rules, search)) {
    if (keyOf(reading) === arrived) continue;
    found += 1;
    if (found > MOST_READINGS) return { provable: false, tried: search.tried };
    const ofUser = byUser.get(reading.user_id);
    if (ofUser === undefined) byUser.set(reading.user_id, [reading]);
    else ofUser.push(reading);
  }
  return { provable: true, byUser, tried: search.tried };
}

function* readings(text: string, rules: KiipRules, search: { tried: number }): Generator<Reading> {
  // A code point has at most two units. The first test spares the second one the copy of a long text.
  if (text.length > 2 * LONGEST_TEXT) return;
  const points = Points.of(text);
  if (points.length > LONGEST_TEXT) return;
  const formulas: Formula[] = ['redemption', 'issuance'];
  if (rules.legacySignature) formulas.push('legacy-redemption');
  for (const formula of formulas) {
    const heads = new Map<number, readonly Head[]>();
    for (const { start: userEnd, ...end } of ends(formula, points)) {
      for (const userStart of userStarts(points, userEnd, rules)) {
        for (const quantityStart of quantityStarts(points, userStart)) {
          search.tried += 1;
          const known = heads.get(quantityStart) ?? cutHead(formula, points.slice(0, quantityStart), rules);
          heads.set(quantityStart, known);
          const quantity = points.slice(quantityStart, userStart);
          for (const head of known) {
            yield { formula, ...head, quantity, user_id: points.slice(userStart, userEnd), ...end };
          }
        }
      }
    }
  }
}

/** The transactions that a user id can end in front of, and what is behind them. */
function* ends(formula: Formula, points: Points) {
  const [shortest, longest] = formula === 'issuance' ? [2, 2 * LONGEST_FIELD] : [0, 0];
  for (let tail = shortest; tail <= Math.min(longest, points.length); tail += 1) {
    const end = points.length - tail;
    for (const start of TRANSACTION_LENGTHS.map((length) => end - length)) {
      if (start < 0 || !isTransactionId(points.slice(start, end))) continue;
      const cut = cutTail(points.slice(end, points.length));
      if (formula === 'issuance' && cut === undefined) continue;
      yield { start, transaction_id: points.slice(start, end), nonce: cut?.nonce, origin: cut?.origin };
    }
  }
}

function* userStarts(points: Points, end: number, rules: KiipRules): Generator<number> {
  const [shortest, longest] =
    rules.userReference === 'opaque' ? [USER_REFERENCE_LENGTH, USER_REFERENCE_LENGTH] : [1, LONGEST_FIELD];
  for (let start = end - shortest; start >= Math.max(0, end - longest); start -= 1) {
    // What breaks a user id breaks every longer one that ends here, so this is the last of them.
    if (!isUserId(points.slice(start, end), rules)) return;
    yield start;
  }
}

function* quantityStarts(points: Points, end: number): Generator<number> {
  for (let start = end - 1; start >= Math.max(0, end - MAX_QUANTITY_DIGITS); start -= 1) {
    const quantity = points.slice(start, end);
    if (isQuantity(quantity)) yield start;
    // A zero in front may have another digit in front of it; anything else in front breaks every longer one too.
    else if (!quantity.startsWith('0')) return;
  }
}

/** A text that is cut between its code points and never inside one: half of one could not have arrived. */
class Points {
  private constructor(
    private readonly text: string,
    private readonly offsets: readonly number[],
  ) {}

  static of(text: string): Points {
    const offsets = [0];
    let offset = 0;
    for (const point of text) offsets.push((offset += point.length));
    return new Points(text, offsets);
  }

  get length(): number {
    return this.offsets.length - 1;
  }

  slice(start: number, end: number): string {
    return this.text.slice(this.offsets[start], this.offsets[end]);
  }
}

function readingOf(formula: Formula, fields: SignedFields): Reading {
  const { content, quantity, user_id, transaction_id } = fields;
  const name = formula === 'redemption' ? fields.name : undefined;
  if (formula !== 'issuance') {
    return { formula, content, name, quantity, user_id, transaction_id, nonce: undefined, origin: undefined };
  }
  const { nonce = '', origin = '' } = fields;
  const provable = cutTail(nonce + origin)?.origin !== '';
  const tail = provable ? { nonce, origin } : { nonce: nonce + origin, origin: '' };
  return { formula, content, name, quantity, user_id, transaction_id, ...tail };
}

function keyOf(reading: Reading): string {
  const { formula, content, name, quantity, user_id, transaction_id, nonce, origin } = reading;
  return JSON.stringify([formula, content, name, quantity, user_id, transaction_id, nonce, origin]);
}
