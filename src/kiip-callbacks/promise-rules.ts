import type { Promisee } from '../promised-rewards/promised-rewards.service.js';
import type { QuarantineReason } from '../ledger/quarantine-reason.js';
import { isQuantity } from '../ledger/quantity.js';
import {
  findViolation,
  isDocumentedOrigin,
  isPossibleQuantity,
  isUnclearPrefix,
  KIIP_ID,
} from './field-rules.js';
import type { CallbackRules } from './field-rules.js';
import type { SignatureScheme, SignedFields } from './kiip-signature.js';

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
    hidesTransaction(fields) ||
    (promised === undefined && isUnclearQuantity(scheme, fields, rules, isShared));
  return isUnclear ? { code: 'more-than-one-reading' } : undefined;
}

/**
 * Whether the text behind the transaction may hold the genuine one. The text between the two would then be the end of a user id,
 * which anybody who has the app key can choose. Behind the transaction of an issuance follow its nonce and its origin.
 */
function hidesTransaction({ nonce = '', origin = '' }: SignedFields): boolean {
  const suffix = nonce + origin;
  return [...suffix.matchAll(TRANSACTIONS)].some(({ index, 1: id = '' }) => {
    const rest = suffix.slice(index + id.length);
    // A nonce that looks like an id, in front of a documented origin: what follows is no nonce and origin of its own.
    return rest.length !== 1 && !isDocumentedOrigin(rest);
  });
}

/** At each position, since two may overlap. */
const TRANSACTIONS = new RegExp(`(?=(${KIIP_ID}))`, 'g');

/**
 * Whether the quantity may have begun or ended at another digit, where no promise tells it.
 * @param isShared whether the transaction was promised to several users: then it is not theirs alone, and the genuine user id
 *   may begin with some of the digits
 */
function isUnclearQuantity(
  scheme: SignatureScheme,
  { content, quantity }: SignedFields,
  rules: CallbackRules,
  isShared: boolean,
): boolean {
  const cuts = Array.from({ length: quantity.length - 1 }, (_, index) => index + 1);
  // A longer name or content, and a shorter quantity.
  const endsPrefix = cuts.some((at) => isQuantity(quantity.slice(at)));
  if (endsPrefix && isUnclearPrefix(scheme, content, rules)) return true;
  // A shorter quantity, and a longer user id.
  return isShared && cuts.some((at) => isPossibleQuantity(content, quantity.slice(0, at), rules));
}
