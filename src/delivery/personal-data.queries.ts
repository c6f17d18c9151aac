import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Tables } from '../database/tables.js';

/** Deliveries keep the order of a user's events by a key that contains the user id. */
export async function eraseFromDeliveries(
  db: Kysely<Tables>,
  ledgerIds: readonly string[],
  alias: string,
): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('deliveries')
    .set({ ordering_key: alias })
    .where((eb) => eb('ledger_id', '=', eb.fn.any(eb.val([...ledgerIds]))))
    .where('ordering_key', 'is not', null)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

/** The deliveries of these entries. */
export function exportFromDeliveries(db: Kysely<Tables>, ledgerIds: readonly string[]) {
  return db
    .selectFrom('deliveries')
    .select(['ledger_id', 'consumer', 'status', 'attempts', 'accepted_at', 'ended_at'])
    .where((eb) => eb('ledger_id', '=', eb.fn.any(eb.val([...ledgerIds]))))
    .orderBy('id')
    .execute();
}

/** Deletes up to `limit` attempts of deliveries that have ended. @returns how many */
export async function deleteOldAttempts(db: Kysely<Tables>, before: Date, limit: number): Promise<number> {
  const { rows } = await sql<{ deleted: number }>`
    with deleted as (
      delete from delivery_attempts where ctid = any(array(
        select a.ctid from delivery_attempts a join deliveries d on d.id = a.delivery_id
        where a.started_at < ${before} and d.status <> 'pending'
        order by a.started_at limit ${limit} for update of a skip locked
      )) returning 1
    )
    select count(*)::int as deleted from deleted`.execute(db);
  return rows[0]!.deleted;
}
