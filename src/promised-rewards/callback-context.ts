import { sanitizeText, sha256Key } from '../database/text-columns.js';
import type { PromisedIdKind } from '../database/tables.js';
import { USERS_SENT_TO_KIIP } from '../user-references/user-references.queries.js';

/** What is looked up for a callback. */
export interface CallbackLookup {
  readonly transactionId: string;
  readonly kiipUserId: string;
  /** User ids, or user references, of which `registered` tells whether they were sent to Kiip. */
  readonly userIds: readonly string[];
}

/** A user that a transaction was promised to. */
export interface Promisee {
  readonly kiipUserId: string;
  /** Undefined without a user. */
  readonly userId: string | undefined;
  readonly kind: PromisedIdKind;
  readonly quantity: string | undefined;
  readonly isTest: boolean;
}

/** What the gateway knows about the transaction and the user of a callback. */
export interface CallbackContext {
  /** The user of the callback first, and at most one other. Empty if no moment has returned the transaction. */
  readonly promisees: readonly Promisee[];
  /** The user behind the user id of the callback, if it is a user reference. */
  readonly referencedUser: string | undefined;
  /** Those of the user ids of the look-up that were sent to Kiip. */
  readonly registered: ReadonlySet<string>;
}

/** A context as the database has it. If nothing is known, it has no members. */
export interface StoredContext {
  readonly promisees?: readonly StoredPromisee[];
  readonly referenced_user_id?: string;
  /** Of the look-up's user ids, those that were sent to Kiip, by their hashes, */
  readonly sent_hashes?: readonly string[];
  /** and those that were sent as references. */
  readonly sent_references?: readonly string[];
}

/** What a callback was decided on before the database was asked. */
export interface Assumption {
  readonly lookup: CallbackLookup;
  readonly context: StoredContext;
}

interface StoredPromisee {
  readonly kiip_user_id: string;
  readonly user_id?: string | undefined;
  readonly id_kind: PromisedIdKind;
  readonly quantity?: string | undefined;
  readonly is_test: boolean;
}
export type StoredPromise = StoredPromisee & { readonly user_id: string };

/** The columns of a look-up beside `transaction_id`, with their types. */
export const LOOKUP_COLUMNS = { kiip_user_id: 'text', user_id_hashes: 'text[]', user_references: 'text[]' };

export function toLookupColumns({
  kiipUserId,
  userIds,
}: CallbackLookup): Record<keyof typeof LOOKUP_COLUMNS, unknown> {
  return {
    kiip_user_id: sanitizeText(kiipUserId),
    user_id_hashes: userIds.length > 0 ? userIds.map((id) => sha256Key(id)) : null,
    user_references: userIds.length > 0 ? userIds.map(sanitizeText) : null,
  };
}

/**
 * The context of a callback as the ledger may read it in SQL.
 * @param callback the name of a row with `transaction_id` and the columns of a look-up
 */
export function contextOf(callback: string): string {
  return `jsonb_strip_nulls(jsonb_build_object(
    'promisees', (select jsonb_agg(promisee) from (
      (
        select kiip_user_id, user_id, id_kind, quantity, is_test from kiip_promised_rewards promised
        where promised.transaction_id = ${callback}.transaction_id and promised.kiip_user_id = ${callback}.kiip_user_id
      ) union all (
        select kiip_user_id, user_id, id_kind, quantity, is_test from kiip_promised_rewards promised
        where promised.transaction_id = ${callback}.transaction_id and promised.kiip_user_id <> ${callback}.kiip_user_id limit 1
      )
    ) as promisee),
    'referenced_user_id', (select user_id from ${USERS_SENT_TO_KIIP} as sent where sent.reference = ${callback}.kiip_user_id limit 1),
    'sent_hashes', (select jsonb_agg(user_id_hash) from ${USERS_SENT_TO_KIIP} as sent where sent.user_id_hash = any(${callback}.user_id_hashes)),
    'sent_references', (select jsonb_agg(reference) from ${USERS_SENT_TO_KIIP} as sent where sent.reference = any(${callback}.user_references))
  ))`;
}

export function toContext({ userIds }: CallbackLookup, stored: StoredContext): CallbackContext {
  const hashes = new Set(stored.sent_hashes);
  const references = new Set(stored.sent_references);
  const isRegistered = (id: string) =>
    (hashes.size > 0 && hashes.has(sha256Key(id))) ||
    (references.size > 0 && references.has(sanitizeText(id)));
  return {
    promisees: stored.promisees?.map(toPromisee) ?? [],
    referencedUser: stored.referenced_user_id,
    registered: new Set(userIds.filter(isRegistered)),
  };
}

function toPromisee({ kiip_user_id, user_id, id_kind, quantity, is_test }: StoredPromisee): Promisee {
  return { kiipUserId: kiip_user_id, userId: user_id, kind: id_kind, quantity, isTest: is_test };
}

/** The context of a callback of which nothing is known but a promise to its user. */
export function contextOfPromise({ userIds }: CallbackLookup, promise: StoredPromise): StoredContext {
  const { kiip_user_id, user_id } = promise;
  const isReference = kiip_user_id !== user_id;
  const isLookedUp = userIds.includes(kiip_user_id);
  return {
    promisees: [promise],
    ...(isReference && { referenced_user_id: user_id }),
    ...(isLookedUp &&
      (isReference ? { sent_references: [kiip_user_id] } : { sent_hashes: [sha256Key(user_id)] })),
  };
}
