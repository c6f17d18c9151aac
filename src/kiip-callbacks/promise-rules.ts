import type { Promisee } from '../promised-rewards/callback-context.js';
import type { QuarantineReason } from '../ledger/quarantine-reason.js';
import { isQuantity } from '../ledger/quantity.js';
import {
  findViolation,
  isDocumentedOrigin,
  isPossibleQuantity,
  isUnclearPrefix,
  KIIP_ID,
  splitSuffix,
} from './field-rules.js';
import type { CallbackRules } from './field-rules.js';
import type { SignatureScheme, SignedFields } from './kiip-signature.js';
import { toParse } from './alternative-parses.js';
import type { SignedTextParse } from './alternative-parses.js';

/**
 * Checks a callback against the promises for its transaction. They tell the user, and maybe the quantity. What they do not tell
 * must follow from the signed text alone: another reading may be the genuine one, also for a user that the gateway does not know,
 * since anybody who has the app key can make Kiip sign any user id.
 *
 * @param promisees the users that the transaction was promised to, at least one
 * @returns undefined if the callback can be recorded
 */
export function findPromiseViolation(
  scheme: SignatureScheme,
  fields: SignedFields,
  promisees: readonly Promisee[],
  rules: CallbackRules,
): QuarantineReason | undefined {
  const own = promisees.find(({ kiipUserId }) => kiipUserId === fields.user_id);
  if (own?.userId === undefined) return { code: 'promised-to-another-user', field: 'user_id' };
  const promised = own.quantity;
  if (promised !== undefined && promised !== fields.quantity)
    return { code: 'promised-another-quantity', field: 'quantity' };
  const violation = findViolation(scheme, fields, rules, { userId: own.kiipUserId, quantity: promised });
  if (violation) return violation;
  const isShared = promisees.length > 1;
  const isUnclear =
    hasAny(hiddenTransactions(scheme, fields)) ||
    (promised === undefined && hasAny(otherQuantities(scheme, fields, rules, isShared)));
  return isUnclear ? { code: 'more-than-one-reading' } : undefined;
}

/** The readings that no promise of a quantity excludes, if the transaction was promised to several users. */
export function* findUnclearReadings(
  scheme: SignatureScheme,
  fields: SignedFields,
  rules: CallbackRules,
): Iterable<SignedTextParse> {
  yield* hiddenTransactions(scheme, fields);
  yield* otherQuantities(scheme, fields, rules, true);
}

/**
 * The readings in which the text behind the transaction holds the genuine one. The text between the two would then be the end of a
 * user id, which anybody who has the app key can choose. Behind the transaction of an issuance follow its nonce and its origin.
 */
function* hiddenTransactions(scheme: SignatureScheme, fields: SignedFields): Iterable<SignedTextParse> {
  const { nonce = '', origin = '', user_id, transaction_id } = fields;
  const suffix = nonce + origin;
  for (const { index, 1: id = '' } of suffix.matchAll(TRANSACTIONS)) {
    const rest = suffix.slice(index + id.length);
    // A nonce that looks like an id, in front of a documented origin: what follows is no nonce and origin of its own.
    if (rest.length === 1 || isDocumentedOrigin(rest)) continue;
    const longer = user_id + transaction_id + suffix.slice(0, index);
    const { nonce: own, origin: itsOrigin } = splitSuffix(rest) ?? { nonce: rest, origin: '' };
    yield toParse(scheme, { ...fields, user_id: longer, transaction_id: id, nonce: own, origin: itsOrigin });
  }
}

/** At each position, since two may overlap. */
const TRANSACTIONS = new RegExp(`(?=(${KIIP_ID}))`, 'g');

/**
 * The readings in which the quantity begins or ends at another digit, where no promise tells it.
 * @param isShared whether the transaction was promised to several users: then it is not theirs alone, and the genuine user id
 *   may begin with some of the digits
 */
function* otherQuantities(
  scheme: SignatureScheme,
  fields: SignedFields,
  rules: CallbackRules,
  isShared: boolean,
): Iterable<SignedTextParse> {
  const { content, name = '', quantity, user_id } = fields;
  const isUnclear = isUnclearPrefix(scheme, content, rules);
  for (let at = 1; at < quantity.length; at += 1) {
    const [digits, rest] = [quantity.slice(0, at), quantity.slice(at)];
    // A longer name or content, and a shorter quantity.
    const prefix = scheme === 'redemption' ? { name: name + digits } : { content: content + digits };
    if (isUnclear && isQuantity(rest)) yield toParse(scheme, { ...fields, ...prefix, quantity: rest });
    // A shorter quantity, and a longer user id.
    if (isShared && isPossibleQuantity(content, digits, rules))
      yield toParse(scheme, { ...fields, quantity: digits, user_id: rest + user_id });
  }
}

function hasAny(readings: Iterable<unknown>): boolean {
  return readings[Symbol.iterator]().next().done !== true;
}
