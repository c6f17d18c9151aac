import { type Insertable, type Kysely, sql } from 'kysely';
import { isUniqueViolation } from '../database/storage-error.js';
import type { LedgerStatus, LedgerTable, Tables } from '../database/tables.js';
import { traceParent } from '../tracing/span.js';

/** Why a callback without a fault of its own is quarantined: something like it has been accepted before. */
export const SAME_SIGNATURE = 'same-signature-other-fields';
export const SAME_TRANSACTION = 'same-transaction-other-fields';

/** What counts. */
export const ACCEPTED: LedgerStatus[] = ['recorded', 'released'];

type NewRow = Insertable<LedgerTable>;
interface Stored {
  row: NewRow;
  /** The row that was there before, if `row` was not inserted. */
  existing: { id: string; status: LedgerStatus } | undefined;
}

/**
 * Inserts the row; or finds the one that was there before; or, where a rival has been accepted, inserts it quarantined.
 * Every statement commits on its own.
 */
export async function store(db: Kysely<Tables>, row: NewRow): Promise<Stored> {
  const settled = await insertOrFind(db, row);
  if (settled) return { row, existing: settled.inserted ? undefined : settled };
  // The insert gave way to a row that was not yet visible when the statement began: the same, or a rival.
  const existing = await sameReading(db, row).executeTakeFirst();
  if (existing) return { row, existing };
  if (row.status !== 'recorded') throw new Error('a quarantined row gave way to nothing');
  return store(db, { ...row, status: 'quarantined', reason: await rivalry(db, row) });
}

/** @returns undefined when neither happened, because of a row that this statement could not see */
function insertOrFind(db: Kysely<Tables>, row: NewRow) {
  return db
    .with('attempt', (cte) =>
      cte
        .insertInto('ledger')
        .values(row)
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
    .unionAll(sameReading(db, row).select(sql.lit<boolean>(false).as('inserted')))
    .executeTakeFirst();
}

function sameReading(db: Kysely<Tables>, row: NewRow) {
  return db.selectFrom('ledger').select(['id', 'status']).where('reading_key', '=', row.reading_key);
}

async function rivalry(db: Kysely<Tables>, row: NewRow): Promise<string> {
  const rival = await db
    .selectFrom('ledger')
    .select('id')
    .where('status', 'in', ACCEPTED)
    .where((eb) =>
      eb.or([eb('signature', '=', row.signature), eb('signed_text_key', '=', row.signed_text_key)]),
    )
    .executeTakeFirst();
  return rival ? SAME_SIGNATURE : SAME_TRANSACTION;
}

/** Ends a quarantine, with a delivery job. @returns undefined when the row is not in quarantine or may not be accepted */
export async function decide(db: Kysely<Tables>, id: string, status: 'recorded' | 'released' | 'discarded') {
  try {
    return await db
      .with('decided', (cte) => {
        const update = cte
          .updateTable('ledger')
          .set({
            status,
            decided_at: new Date(),
            feed_position: null,
            ...(status === 'recorded' && { reason: null }),
          })
          .where('id', '=', id)
          .where('status', '=', 'quarantined');
        return (status === 'discarded' ? update : update.where('quantity', 'is not', null)).returningAll();
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
