import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Tables } from '../database/tables.js';
import { sanitizeText } from '../database/text-columns.js';
import { deleteCheckpoints } from './balances.queries.js';
import { whereUser } from './ledger-feed.js';
import { ACCEPTED } from './ledger.queries.js';

/**
 * Replaces who a user was in all entries; what was issued stays, under the alias. So do hashes, which recognise a callback that
 * arrives again. Entries that were not accepted and split the same signed text have a part of the id in other fields: they are
 * included.
 * @param reference the user reference that went to Kiip, if any
 * @returns the ids of the entries
 */
export async function eraseFromLedger(
  db: Kysely<Tables>,
  userId: string,
  reference: string | undefined,
  alias: string,
): Promise<string[]> {
  const own = sql<boolean>`(${whereUser(userId)} or ${reference === undefined ? sql`false` : whereUser(reference)})`;
  const rows = await db
    .updateTable('ledger')
    // What was received is no longer known, so a promise cannot change the decision.
    .set({ user_id: alias, user_reference: null, signed_text: Buffer.alloc(0), awaits_promise: false })
    .where((eb) =>
      eb.or([
        own,
        eb.and([
          eb('status', 'not in', ACCEPTED),
          eb('signed_text_hash', 'in', eb.selectFrom('ledger').select('signed_text_hash').where(own)),
        ]),
      ]),
    )
    .returning('id')
    .execute();
  await deleteCheckpoints(db, reference === undefined ? [userId] : [userId, reference]);
  return rows.map(({ id }) => id);
}

/** Every entry of a user, with all that is stored about it. */
export function exportFromLedger(db: Kysely<Tables>, userId: string) {
  return db
    .selectFrom('ledger')
    .select([
      'id',
      'kind',
      'status',
      'transaction_id',
      'content',
      'name',
      'quantity_text',
      'user_id',
      'user_reference',
      'nonce',
      'origin',
      'received_at',
      'resolved_at',
      'duplicates',
    ])
    .where(whereUser(sanitizeText(userId)))
    .orderBy('id')
    .execute();
}
