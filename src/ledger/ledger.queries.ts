import { sql } from 'kysely';
import type { Expression, Insertable, Kysely } from 'kysely';
import { isUniqueViolation } from '../database/storage-error.js';
import type { LedgerStatus, LedgerTable, QuarantineCode, Tables } from '../database/tables.js';
import { traceParent } from '../tracing/span.js';
import type { Decision } from './ledger-entry.js';

/** Entries with these statuses are delivered and counted in balances. */
export const ACCEPTED: LedgerStatus[] = ['recorded', 'released'];

/** A signed text can be split in millions of ways. This many malformed callbacks of one text are stored for review. */
const MAX_QUARANTINED_PER_TEXT = 50;

type NewRow = Insertable<LedgerTable>;
interface InsertResult {
  row: NewRow;
  /** The earlier row, if `row` was not inserted. */
  existing: { id: string; status: LedgerStatus } | undefined;
}

/**
 * Inserts the row, or finds an earlier one with the same fields. If a conflicting row is accepted, it inserts the row as
 * quarantined. Every statement is a transaction of its own.
 */
export async function insertEntry(db: Kysely<Tables>, row: NewRow): Promise<InsertResult> {
  const found = await insertOrFind(db, row);
  if (found) return { row, existing: found.inserted ? undefined : found };
  // The insert conflicted with a row that was not visible when the statement began: the same one or a conflicting one.
  const existing = await sameFields(db, row).executeTakeFirst();
  if (existing) return { row, existing };
  if (row.status !== 'recorded') throw new Error('the insert of a quarantined row conflicts with no row');
  return insertEntry(db, { ...row, status: 'quarantined', reason_code: await findConflict(db, row) });
}

/**
 * Checks whether enough malformed rows with the same signed text are stored.
 * @returns the first of them if so, to be used instead; undefined if the row should be stored, or already is
 */
export async function findQuarantineOverflow(db: Kysely<Tables>, row: NewRow) {
  const existing = await db
    .selectFrom('ledger')
    .select(['id', 'fields_hash'])
    .where('signed_text_hash', '=', row.signed_text_hash)
    .where('status', 'in', ['quarantined', 'discarded'])
    .orderBy('id')
    .execute();
  if (
    existing.length < MAX_QUARANTINED_PER_TEXT ||
    existing.some(({ fields_hash }) => fields_hash === row.fields_hash)
  )
    return undefined;
  return existing[0];
}

/** @returns undefined if the insert conflicted with a row that this statement cannot see */
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

/** The user behind the user id of a ledger row, if it is a user reference. */
function userReference(db: Kysely<Tables>) {
  return db
    .selectFrom('kiip_user_references as referenced')
    .where(sql<boolean>`referenced.reference = ledger.user_id`);
}

async function findConflict(db: Kysely<Tables>, row: NewRow): Promise<QuarantineCode> {
  const conflicting = await db
    .selectFrom('ledger')
    .select('id')
    .where('status', 'in', ACCEPTED)
    .where((eb) =>
      eb.or([eb('signature', '=', row.signature), eb('signed_text_hash', '=', row.signed_text_hash)]),
    )
    .executeTakeFirst();
  if (conflicting) return 'same-signature-other-fields';
  return (await discarded(db, row.signed_text_hash).executeTakeFirst())
    ? 'same-signature-discarded'
    : 'same-transaction-other-fields';
}

/**
 * Ends a quarantine, and stores a delivery job if the row is accepted. A user reference that was registered after the
 * callback arrived is replaced with its user.
 * @param decision who decided; without it, nobody did
 * @returns undefined if the row is not quarantined or must not be accepted
 */
export async function resolveQuarantine(
  db: Kysely<Tables>,
  id: string,
  status: 'recorded' | 'released' | 'discarded',
  decision?: Decision,
) {
  try {
    return await db
      .with('decided', (cte) => {
        const update = cte
          .updateTable('ledger')
          .set({
            status,
            resolved_at: new Date(),
            decided_by: decision?.caller ?? null,
            decision_request_id: decision?.requestId ?? null,
            feed_position: null,
          })
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
              eb('reason_code', 'is distinct from', 'unknown-user-reference'),
              eb.exists(userReference(db).select('referenced.reference')),
            ]),
          );
        if (status === 'released') return accepted.returningAll();
        return accepted
          .set({ reason_code: null, reason_field: null })
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
