import { sql } from 'kysely';
import type { Expression, Insertable, Kysely } from 'kysely';
import { isUniqueViolation } from '../database/storage-error.js';
import type { LedgerStatus, LedgerTable, Tables } from '../database/tables.js';
import { UNKNOWN_USER_REFERENCE } from './ledger-entry.js';
import { traceParent } from '../tracing/span.js';

/** Why a callback without a fault of its own is quarantined: something like it has been accepted before. */
export const SAME_SIGNATURE = 'same-signature-other-fields';
export const SAME_TRANSACTION = 'same-transaction-other-fields';
/** Or put away by a human being: a decision holds for the signed text, however it is cut. */
export const SAME_SIGNATURE_DISCARDED = 'same-signature-discarded';

/** What counts. */
export const ACCEPTED: LedgerStatus[] = ['recorded', 'released'];

/** One signed text can be cut in millions of ways; so many that make no sense are kept for a human being to look at. */
const MAX_QUARANTINED_PER_TEXT = 50;

type NewRow = Insertable<LedgerTable>;
interface InsertResult {
  row: NewRow;
  /** The row that was there before, if `row` was not inserted. */
  existing: { id: string; status: LedgerStatus } | undefined;
}

/**
 * Inserts the row; or finds the one that was there before; or, where a rival has been accepted, inserts it quarantined.
 * Every statement commits on its own.
 */
export async function insertEntry(db: Kysely<Tables>, row: NewRow): Promise<InsertResult> {
  const settled = await insertOrFind(db, row);
  if (settled) return { row, existing: settled.inserted ? undefined : settled };
  // The insert gave way to a row that was not yet visible when the statement began: the same, or a rival.
  const existing = await sameFields(db, row).executeTakeFirst();
  if (existing) return { row, existing };
  if (row.status !== 'recorded') throw new Error('a quarantined row gave way to nothing');
  return insertEntry(db, { ...row, status: 'quarantined', reason: await conflictReason(db, row) });
}

/**
 * Says of a row that makes no sense whether there are enough of its signed text.
 * @returns the first of them, which is then to stand for it; undefined if it is to be stored, or has been already
 */
export async function findQuarantineOverflow(db: Kysely<Tables>, row: NewRow) {
  const kept = await db
    .selectFrom('ledger')
    .select(['id', 'fields_hash'])
    .where('signed_text_hash', '=', row.signed_text_hash)
    .where('status', 'in', ['quarantined', 'discarded'])
    .orderBy('id')
    .execute();
  if (
    kept.length < MAX_QUARANTINED_PER_TEXT ||
    kept.some(({ fields_hash }) => fields_hash === row.fields_hash)
  )
    return undefined;
  return kept[0];
}

/** @returns undefined when neither happened, because of a row that this statement could not see */
function insertOrFind(db: Kysely<Tables>, row: NewRow) {
  return db
    .with('attempt', (cte) =>
      cte
        .insertInto('ledger')
        .columns(Object.keys(row) as (keyof NewRow)[])
        .expression(
          db
            .selectNoFrom((eb) => Object.entries(row).map(([column, value]) => eb.val(value).as(column)))
            .$if(row.status === 'recorded', (values) =>
              values.where((eb) => eb.not(eb.exists(discarded(db, row.signed_text_hash)))),
            ),
        )
        .onConflict((conflict) => conflict.doNothing())
        .returning(['id', 'status']),
    )
    .with('job', (cte) =>
      cte
        .insertInto('delivery_outbox')
        .columns(['ledger_id', 'trace_parent'])
        .expression((eb) =>
          eb
            .selectFrom('attempt')
            .select(['id', eb.val(traceParent()).as('trace_parent')])
            .where('status', '=', 'recorded'),
        ),
    )
    .selectFrom('attempt')
    .select(['id', 'status', sql.lit<boolean>(true).as('inserted')])
    .unionAll(sameFields(db, row).select(sql.lit<boolean>(false).as('inserted')))
    .executeTakeFirst();
}

function sameFields(db: Kysely<Tables>, row: NewRow) {
  return db.selectFrom('ledger').select(['id', 'status']).where('fields_hash', '=', row.fields_hash);
}

function discarded(db: Kysely<Tables>, signedTextKey: Expression<string> | string) {
  return db
    .selectFrom('ledger as other')
    .select('other.id')
    .where('other.signed_text_hash', '=', signedTextKey)
    .where('other.status', '=', 'discarded');
}

/** Whom the user id of a ledger row stands for, if it is a reference of ours. */
function userReference(db: Kysely<Tables>) {
  return db
    .selectFrom('kiip_user_references as referenced')
    .where(sql<boolean>`referenced.reference = ledger.user_id`);
}

async function conflictReason(db: Kysely<Tables>, row: NewRow): Promise<string> {
  const conflicting = await db
    .selectFrom('ledger')
    .select('id')
    .where('status', 'in', ACCEPTED)
    .where((eb) =>
      eb.or([eb('signature', '=', row.signature), eb('signed_text_hash', '=', row.signed_text_hash)]),
    )
    .executeTakeFirst();
  if (conflicting) return SAME_SIGNATURE;
  return (await discarded(db, row.signed_text_hash).executeTakeFirst())
    ? SAME_SIGNATURE_DISCARDED
    : SAME_TRANSACTION;
}

/**
 * Ends a quarantine, with a delivery job. A reference of ours that has become known since the callback came is mapped back.
 * @returns undefined when the row is not in quarantine or may not be accepted
 */
export async function resolveQuarantine(
  db: Kysely<Tables>,
  id: string,
  status: 'recorded' | 'released' | 'discarded',
) {
  try {
    return await db
      .with('decided', (cte) => {
        const update = cte
          .updateTable('ledger')
          .set({ status, resolved_at: new Date(), feed_position: null })
          .where('id', '=', id)
          .where('status', '=', 'quarantined');
        if (status === 'discarded') return update.returningAll();
        const accepted = update
          .set((eb) => ({
            user_id: eb.fn.coalesce(userReference(db).select('referenced.user_id'), 'ledger.user_id'),
            user_reference: eb.fn.coalesce(
              'ledger.user_reference',
              userReference(db).select('referenced.reference'),
            ),
          }))
          .where('quantity', 'is not', null)
          .where((eb) =>
            eb.or([
              eb('reason', 'is distinct from', UNKNOWN_USER_REFERENCE),
              eb.exists(userReference(db).select('referenced.reference')),
            ]),
          );
        if (status === 'released') return accepted.returningAll();
        return accepted
          .set({ reason: null })
          .where((eb) => eb.not(eb.exists(discarded(db, eb.ref('ledger.signed_text_hash')))))
          .returningAll();
      })
      .with('job', (cte) =>
        cte
          .insertInto('delivery_outbox')
          .columns(['ledger_id', 'trace_parent'])
          .expression((eb) =>
            eb
              .selectFrom('decided')
              .select(['id', eb.val(traceParent()).as('trace_parent')])
              .where('status', 'in', ACCEPTED),
          ),
      )
      .selectFrom('decided')
      .selectAll()
      .executeTakeFirst();
  } catch (error) {
    if (isUniqueViolation(error)) return undefined;
    throw error;
  }
}
