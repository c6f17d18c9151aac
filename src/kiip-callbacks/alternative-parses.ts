import { CodePoints } from './code-points.js';
import {
  configuredPrefixes,
  findPrefixGap,
  mayEndPrefix,
  splitPrefix,
  splitSuffix,
  isUserId,
  MAX_FIELD_LENGTH,
  TRANSACTION_LENGTHS,
} from './field-rules.js';
import { MAX_QUANTITY_DIGITS } from '../ledger/quantity.js';
import type { CallbackRules, Currencies, Prefix, PrefixGap } from './field-rules.js';
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

/** At least a content, a quantity and a user id, of one character each, come before a transaction. */
const MIN_USER_END = 3;

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
  const original = toParse(scheme, fields);
  const byUser = new Map<string, SignedTextParse[]>();
  let found = 0;
  const exhaustive = visitParses(signedText(scheme, fields), rules, search, (parse) => {
    if (isSame(parse, original)) return true;
    found += 1;
    const ofUser = byUser.get(parse.user_id);
    if (ofUser === undefined) byUser.set(parse.user_id, [parse]);
    else ofUser.push(parse);
    return found <= MAX_PARSES;
  });
  return exhaustive ? { exhaustive, byUser, tried: search.tried } : { exhaustive, tried: search.tried };
}

/** A quantity, which ends where the user id starts, and what may be in front of it. */
interface Split {
  readonly start: number;
  readonly userStart: number;
  readonly prefixes: readonly Prefix[];
}

/** @returns whether `visit` has seen every parse: it ends the search by returning false */
function visitParses(
  text: string,
  rules: CallbackRules,
  search: { tried: number },
  visit: (parse: SignedTextParse) => boolean,
): boolean {
  // A code point has at most two UTF-16 units. This check avoids copying a long text for the next one.
  if (text.length > 2 * MAX_SIGNED_TEXT_LENGTH) return true;
  const points = CodePoints.of(text);
  if (points.length > MAX_SIGNED_TEXT_LENGTH) return true;
  const schemes: SignatureScheme[] = ['redemption', 'issuance'];
  if (rules.legacySignature) schemes.push('legacy-redemption');
  for (const scheme of schemes) {
    const spans = transactionSpans(scheme, points);
    if (spans.length === 0) continue;
    const findSplits =
      rules.currencies === undefined
        ? possibleSplits(scheme, points, rules, search)
        : configuredSplits(scheme, points, rules, rules.currencies, search);
    for (const { start: userEnd, ...end } of spans) {
      for (const { start, userStart, prefixes } of findSplits(userEnd)) {
        for (const { content, name } of prefixes) {
          const parse = {
            scheme,
            content,
            name,
            quantity: points.slice(start, userStart),
            user_id: points.slice(userStart, userEnd),
            transaction_id: end.transaction_id,
            nonce: end.nonce,
            origin: end.origin,
          };
          if (!visit(parse)) return false;
        }
      }
    }
  }
  return true;
}

interface TransactionSpan {
  readonly start: number;
  readonly transaction_id: string;
  readonly nonce: string | undefined;
  readonly origin: string | undefined;
}

/** The possible transactions behind a user id, each with its start and the suffix behind it: the shortest suffix first. */
function transactionSpans(scheme: SignatureScheme, points: CodePoints): TransactionSpan[] {
  const spans: TransactionSpan[] = [];
  for (const [start, end] of points.transactions.toReversed()) {
    const length = points.length - end;
    if (start < MIN_USER_END) continue;
    if (scheme !== 'issuance') {
      if (length > 0) break;
      spans.push({ start, transaction_id: points.slice(start, end), nonce: undefined, origin: undefined });
    } else if (length > 1 && length <= 2 * MAX_FIELD_LENGTH) {
      const suffix = splitSuffix(points.slice(end, points.length));
      if (suffix) spans.push({ start, transaction_id: points.slice(start, end), ...suffix });
    }
  }
  return spans;
}

/** With configured currencies, a quantity starts behind one of them. */
function configuredSplits(
  scheme: SignatureScheme,
  points: CodePoints,
  rules: CallbackRules,
  currencies: Currencies,
  search: { tried: number },
): (userEnd: number) => Split[] {
  const prefixes = configuredPrefixes(scheme, currencies).filter(({ content, name = '' }) =>
    points.text.startsWith(content + name),
  );
  const byStart = Map.groupBy(prefixes, ({ content, name = '' }) => points.indexAt((content + name).length));
  return (userEnd) => {
    const splits: Split[] = [];
    for (const [start, prefixesOfStart] of byStart) {
      if (points.isZero(start)) continue;
      const last = Math.min(start + MAX_QUANTITY_DIGITS, userEnd - 1);
      for (let userStart = start + 1; userStart <= last && points.isDigit(userStart - 1); userStart += 1) {
        search.tried += 1;
        if (isUserId(points.slice(userStart, userEnd), rules))
          splits.push({ start, userStart, prefixes: prefixesOfStart });
      }
    }
    return splits;
  };
}

/** Without configured currencies, a quantity may start wherever a prefix may end. */
function possibleSplits(
  scheme: SignatureScheme,
  points: CodePoints,
  rules: CallbackRules,
  search: { tried: number },
): (userEnd: number) => Split[] {
  const gap = findPrefixGap(points.text);
  const known = new Map<number, readonly Prefix[]>();
  const prefixesOf = (start: number) => {
    let prefixes = known.get(start);
    if (prefixes === undefined) {
      const prefix = splitPrefix(scheme, points.slice(0, start));
      prefixes = prefix ? [prefix] : [];
      known.set(start, prefixes);
    }
    return prefixes;
  };
  return (userEnd) =>
    userStarts(points, userEnd, rules, gap).flatMap(([userStart, starts]) => {
      search.tried += starts.length;
      return starts.map((start) => ({ start, userStart, prefixes: prefixesOf(start) }));
    });
}

/** Where a user id may start, each with the starts of the quantities that may be in front of it. */
function userStarts(
  points: CodePoints,
  end: number,
  rules: CallbackRules,
  gap: PrefixGap | undefined,
): [userStart: number, quantityStarts: number[]][] {
  if (rules.userReference === 'opaque') {
    const start = end - USER_REFERENCE_LENGTH;
    return start > 0 && isUserId(points.slice(start, end), rules)
      ? [[start, quantityStarts(points, start, gap)]]
      : [];
  }
  const starts: [number, number[]][] = [];
  let checked = end;
  for (let start = end - 1; start >= Math.max(1, end - MAX_FIELD_LENGTH); start -= 1) {
    const quantities = quantityStarts(points, start, gap);
    if (quantities.length === 0) continue;
    // If a character cannot be part of a user id, no longer one with the same end is valid either.
    if (!isUserId(points.slice(start, checked), rules)) break;
    checked = start;
    starts.push([start, quantities]);
  }
  return starts;
}

/** Where a quantity may start that ends in front of a user id, the shortest one first. */
function quantityStarts(points: CodePoints, end: number, gap: PrefixGap | undefined): number[] {
  const starts: number[] = [];
  const lowest = Math.max(0, end - MAX_QUANTITY_DIGITS);
  for (let start = end - 1; start >= lowest && points.isDigit(start); start -= 1) {
    // A quantity does not begin with a zero, but a longer one may contain it.
    if (points.isZero(start) || (gap && start >= gap.start && start < gap.end)) continue;
    if (mayEndPrefix(start, start > 0 && points.isDigit(start - 1))) starts.push(start);
  }
  return starts;
}

/** The fields of a scheme, with a boundary between nonce and origin only where it is known. */
export function toParse(scheme: SignatureScheme, fields: SignedFields): SignedTextParse {
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

const FIELDS = [
  'scheme',
  'content',
  'name',
  'quantity',
  'user_id',
  'transaction_id',
  'nonce',
  'origin',
] as const;

function isSame(one: SignedTextParse, other: SignedTextParse): boolean {
  return FIELDS.every((field) => one[field] === other[field]);
}
