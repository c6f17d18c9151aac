import { sql } from 'kysely';
import type { Kysely, Selectable } from 'kysely';
import { auditPart } from '../audit/audit.queries.js';
import type { Actor } from '../audit/audit.queries.js';
import { FEED_LOCK } from '../database/advisory-locks.js';
import { isUniqueViolation, waitedForLock } from '../database/storage-error.js';
import { declareColumns, PreparedStatement } from '../database/prepared-statement.js';
import type { LedgerStatus, LedgerTable, QuarantineCode, Tables } from '../database/tables.js';
import {
  contextOf,
  LOOKUP_COLUMNS,
  toContext,
  toLookupColumns,
} from '../promised-rewards/callback-context.js';
import type { Assumption, CallbackContext, StoredContext } from '../promised-rewards/callback-context.js';
import { PROMISED_TRANSACTIONS } from '../promised-rewards/promised-rewards.queries.js';
import { traceParent } from '../tracing/span.js';
import type { NewLedgerRow } from './ledger-entry.js';
import type { QuarantineReason } from './quarantine-reason.js';

/** Entries with these statuses are delivered and counted in balances. */
export const ACCEPTED: LedgerStatus[] = ['recorded', 'released'];

/** The reasons that concern the fields of one callback, and not what they mean. */
const MISFIT_CODES: QuarantineCode[] = ['field-shape', 'currency', 'quantity'];

/**
 * A row of the same signed text and meaning that an operator has discarded. The discard of another meaning, or of a row that was
 * quarantined for the form of its fields, concerns that row alone.
 * @param callback the name of the row in the statement
 */
function discarded(callback: string): string {
  return `select true from ledger other where other.signed_text_hash = ${callback}.signed_text_hash
    and other.transaction_id = ${callback}.transaction_id and other.quantity_text = ${callback}.quantity_text
    and other.user_id = ${callback}.user_id and other.status = 'discarded'
    and other.reason_code not in (${MISFIT_CODES.map((code) => `'${code}'`).join(', ')}) limit 1`;
}

/** A row to insert, and the trace that its deliveries continue. */
export type NewRow = NewLedgerRow & {
  readonly trace_parent: string | null;
  /** What it was decided on. It is inserted only if that is what the database knows. */
  readonly assumption?: Assumption | undefined;
};
export interface StoredRow {
  row: NewRow;
  /** The earlier row, if `row` was not inserted. */
  existing: { id: string; status: LedgerStatus } | undefined;
  /** Whether there is another row with the same signed text. */
  sharesText: boolean;
  /** Whether it was inserted without a position in the feed. */
  isUnpositioned: boolean;
}
/** What is known of a callback if it is not what was assumed. Nothing is stored then. */
export interface OtherContext {
  context: CallbackContext;
}
/** Undefined for a row that conflicts with another one: see `insertConflicting`. */
export type InsertResult = StoredRow | OtherContext | undefined;

/** The columns of a new row, with their types. Bytes are sent as base64. */
const COLUMNS = {
  id: 'text',
  kind: 'text',
  status: 'text',
  reason_code: 'text',
  reason_field: 'text',
  is_test: 'boolean',
  transaction_id: 'text',
  content: 'text',
  name: 'text',
  quantity: 'integer',
  quantity_text: 'text',
  user_id: 'text',
  user_reference: 'text',
  nonce: 'text',
  origin: 'text',
  received_at: 'timestamptz',
  signature: 'text',
  signed_text: 'text',
  signed_text_hash: 'text',
  fields_hash: 'text',
  transaction_hash: 'text',
  signature_scheme: 'text',
  secret_index: 'integer',
  awaits_promise: 'boolean',
} satisfies Record<keyof NewLedgerRow, string>;
const INCOMING_COLUMNS = { ...COLUMNS, trace_parent: 'text', ...LOOKUP_COLUMNS, assumed_context: 'jsonb' };
const COLUMN_NAMES = Object.keys(COLUMNS);
const POSITIONED_LOCK_TIMEOUT_MS = 50;

type LedgerRow = Selectable<LedgerTable>;
/** By name: a later migration may add others, and a prepared statement must keep the columns of its result. */
const ALL_COLUMNS = {
  ...COLUMNS,
  resolved_at: 'timestamptz',
  decided_by: 'text',
  decision_request_id: 'text',
  duplicates: 'integer',
  feed_position: 'bigint',
} satisfies Record<keyof LedgerRow, string>;

const FIND_ENTRIES = new PreparedStatement<LedgerRow>(
  'find_entries',
  `select ${Object.keys(ALL_COLUMNS).join(', ')} from ledger where id = any($1::text[])`,
);

/** The rows that exist, in no particular order. */
export function findRows(db: Kysely<Tables>, ids: readonly string[]): Promise<LedgerRow[]> {
  return FIND_ENTRIES.execute(db, [[...ids]]);
}

/**
 * Inserts rows, each with its delivery job if it is recorded, and finds those that are there already. Two replicas insert the same rows
 * in the same order, so that they wait for each other and hardly ever in a circle. Rows that this statement inserts are not visible to it. Each
 * subquery has a limit, so that PostgreSQL runs it for each row, by an index: for many rows, it might read the whole ledger once instead.
 */
const INSERT_ROWS = new PreparedStatement<InsertedRow>(
  'insert_ledger',
  `
  with incoming as materialized (
    select * from json_to_recordset($1) as incoming (
      ${declareColumns(INCOMING_COLUMNS)}
    )
  ), known as materialized (
    select id, context from incoming, lateral (select ${contextOf('incoming')} as context offset 0) as found
    where assumed_context is not null and context <> assumed_context
  ), turn as materialized (
    select where case
      when not $2::boolean then false
      when pg_try_advisory_xact_lock(${FEED_LOCK}) then set_config('lock_timeout', '${POSITIONED_LOCK_TIMEOUT_MS}', true) is not null
      else false
    end
  ), numbered as materialized (
    select id, nextval('ledger_feed_position') as feed_position
    from turn, (select id from incoming where id not in (select id from known) order by id collate "C") as ordered
  ), inserted as (
    insert into ledger (${COLUMN_NAMES.join(', ')}, feed_position)
    select ${COLUMN_NAMES.map((column) => (column === 'signed_text' ? "decode(signed_text, 'base64')" : column)).join(', ')}, feed_position
    from incoming left join numbered using (id) left join known using (id)
    where known.id is null and (status <> 'recorded' or (${discarded('incoming')}) is null)
    order by transaction_hash, signed_text_hash
    on conflict do nothing
    returning id, status, feed_position
  ), batch as (
    insert into ledger_feed_batches (last_position) select max(feed_position) from inserted having count(feed_position) > 0
  ), job as (
    insert into delivery_outbox (ledger_id, trace_parent)
    select inserted.id, incoming.trace_parent from inserted join incoming using (id) where inserted.status = 'recorded'
  )
  select incoming.id as new_id, known.context, earlier.id, earlier.status, inserted.id is not null as inserted,
  inserted.feed_position is null as unpositioned, inserted.id is not null and coalesce(
    (select true from ledger o where o.signed_text_hash = incoming.signed_text_hash and o.status in ('recorded', 'released') limit 1),
    (select true from ledger o where o.signed_text_hash = incoming.signed_text_hash and o.status in ('quarantined', 'discarded') limit 1),
    false
  ) as shares_text
  from incoming
  left join inserted on inserted.id = incoming.id
  left join known on known.id = incoming.id
  left join lateral (select id, status from ledger where fields_hash = incoming.fields_hash limit 1) as earlier on true`,
);

interface InsertedRow {
  new_id: string;
  /** Null unless it differs from what was assumed. */
  context: StoredContext | null;
  /** The row with the same fields that was there before, if any. */
  id: string | null;
  status: LedgerStatus | null;
  inserted: boolean;
  unpositioned: boolean;
  shares_text: boolean;
}

/**
 * Inserts each row, or finds an earlier one with the same fields.
 * @returns one result for each row, in their order
 */
export const insertRows = (db: Kysely<Tables>, rows: readonly NewRow[]) => insert(db, rows, false);

/**
 * The same, with positions in the feed, in the order of the ids, unless another statement assigns positions at the same time: see
 * `LedgerFeed`.
 * @returns 'locked' for all rows if another transaction has locked one of them: the feed waits for this statement, so it does not wait
 */
export async function insertPositionedRows(
  db: Kysely<Tables>,
  rows: readonly NewRow[],
): Promise<(InsertResult | 'locked')[]> {
  try {
    return await insert(db, rows, true);
  } catch (error) {
    if (!waitedForLock(error)) throw error;
    return rows.map(() => 'locked');
  }
}

async function insert(
  db: Kysely<Tables>,
  rows: readonly NewRow[],
  isPositioned: boolean,
): Promise<InsertResult[]> {
  const incoming = rows.map(({ assumption, ...row }) => ({
    ...row,
    signed_text: row.signed_text.toString('base64'),
    ...(assumption && { ...toLookupColumns(assumption.lookup), assumed_context: assumption.context }),
  }));
  const found = await INSERT_ROWS.execute(db, [JSON.stringify(incoming), isPositioned]);
  const byId = new Map(found.map((each) => [each.new_id, each]));
  return rows.map((row) => {
    const { context, inserted, id, status, shares_text, unpositioned } = byId.get(row.id)!;
    if (context && row.assumption) return { context: toContext(row.assumption.lookup, context) };
    if (inserted) return { row, existing: undefined, sharesText: shares_text, isUnpositioned: unpositioned };
    if (id === null || status === null) return undefined;
    return { row, existing: { id, status }, sharesText: false, isUnpositioned: false };
  });
}

/**
 * Inserts a row that conflicts with one that the insert could not see. If that one has the same fields, it is found now; if it is an
 * accepted one with other fields, the row is inserted as quarantined.
 */
export async function insertConflicting(db: Kysely<Tables>, row: NewRow): Promise<StoredRow> {
  const existing = await sameFields(db, row).executeTakeFirst();
  if (existing) return { row, existing, sharesText: true, isUnpositioned: false };
  if (row.status !== 'recorded') throw new Error('the insert of a quarantined row conflicts with no row');
  const quarantined: NewRow = {
    ...row,
    status: 'quarantined',
    reason_code: await findConflict(db, row),
    assumption: undefined,
  };
  const [result] = await insertRows(db, [quarantined]);
  return result && 'row' in result ? result : insertConflicting(db, quarantined);
}

function sameFields(db: Kysely<Tables>, row: NewRow) {
  return db.selectFrom('ledger').select(['id', 'status']).where('fields_hash', '=', row.fields_hash);
}

/** The user behind the user id of a ledger row, if it is a user reference. */
function userReference(db: Kysely<Tables>) {
  return db
    .selectFrom('kiip_user_references as referenced')
    .where(sql<boolean>`referenced.reference = ledger.user_id`);
}

async function findConflict(
  db: Kysely<Tables>,
  row: Pick<NewRow, 'signature' | 'signed_text_hash' | 'transaction_id' | 'quantity_text' | 'user_id'>,
): Promise<QuarantineCode> {
  const conflicting = await db
    .selectFrom('ledger')
    .select('id')
    .where('status', 'in', ACCEPTED)
    .where((eb) =>
      eb.or([eb('signature', '=', row.signature), eb('signed_text_hash', '=', row.signed_text_hash)]),
    )
    .executeTakeFirst();
  if (conflicting) return 'same-signature-other-fields';
  const { rows } = await sql`select true from (
      select ${row.signed_text_hash}::text as signed_text_hash, ${row.transaction_id}::text as transaction_id,
        ${row.quantity_text}::text as quantity_text, ${row.user_id}::text as user_id
    ) as callback where exists (${sql.raw(discarded('callback'))})`.execute(db);
  return rows.length > 0 ? 'same-signature-discarded' : 'same-transaction-other-fields';
}

/**
 * Ends a quarantine, and stores a delivery job if the row is accepted. A user reference that was registered after the
 * callback arrived is replaced with its user.
 * @param decision who decided; without it, nobody did
 * @param isTest whether it is known now that it is a test reward
 * @returns undefined if the row is not quarantined or must not be accepted
 */
export async function resolveQuarantine(
  db: Kysely<Tables>,
  id: string,
  status: 'recorded' | 'released' | 'discarded',
  { decision, isTest = false }: { decision?: Actor; isTest?: boolean } = {},
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
          .$if(isTest, (test) => test.set({ is_test: true }))
          .where(sql<boolean>`not exists (${sql.raw(discarded('ledger'))})`)
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
      .with('audited', () =>
        decision
          ? auditPart(status === 'discarded' ? 'discard' : 'release', decision, sql`select id from decided`)
          : sql<object>`(select)`,
      )
      .selectFrom('decided')
      .selectAll()
      .executeTakeFirst();
  } catch (error) {
    if (isUniqueViolation(error)) return undefined;
    throw error;
  }
}

/** Quarantined entries after an id, in the order of their ids. */
export function quarantinedPage(db: Kysely<Tables>, after: string, limit: number) {
  return db
    .selectFrom('ledger')
    .selectAll()
    .where('status', '=', 'quarantined')
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute();
}

const IS_AWAITED = new PreparedStatement<{ awaited: boolean }>(
  'is_awaited',
  `select true as awaited from ledger where status = 'quarantined' and awaits_promise and transaction_id = any($1::text[]) limit 1`,
);

/** Quarantined entries that wait for the promise of one of these transactions. Hardly ever there is one. */
export async function awaitingTransactions(db: Kysely<Tables>, transactionIds: readonly string[]) {
  const awaited = await IS_AWAITED.execute(db, [[...transactionIds]]);
  if (awaited.length === 0) return [];
  return db
    .selectFrom('ledger')
    .selectAll()
    .where('status', '=', 'quarantined')
    .where('awaits_promise', '=', true)
    .where((eb) => eb('transaction_id', '=', eb.fn.any(eb.val([...transactionIds]))))
    .execute();
}

/** Quarantined entries whose promise, not older than this, has been stored, and that still wait for it. */
export function awaitingPromises(db: Kysely<Tables>, withinMs: number, limit: number) {
  return db
    .selectFrom('ledger')
    .selectAll()
    .where('status', '=', 'quarantined')
    .where('awaits_promise', '=', true)
    .where(
      sql<boolean>`exists (
        select from ${PROMISED_TRANSACTIONS} p
        where p.transaction_id = ledger.transaction_id and p.promised_at >= now() - ${`${withinMs} milliseconds`}::interval
      )`,
    )
    .limit(limit)
    .execute();
}

/** Replaces the reason of a quarantined entry. An entry that has it already is not written. */
export async function updateReason(
  db: Kysely<Tables>,
  id: string,
  { code, field }: QuarantineReason,
  awaitsPromise: boolean,
): Promise<void> {
  await db
    .updateTable('ledger')
    .set({ reason_code: code, reason_field: field ?? null, awaits_promise: awaitsPromise })
    .where('id', '=', id)
    .where('status', '=', 'quarantined')
    .where((eb) =>
      eb.or([
        eb('reason_code', 'is distinct from', code),
        eb('reason_field', 'is distinct from', field ?? null),
        eb('awaits_promise', '<>', awaitsPromise),
      ]),
    )
    .execute();
}

/** Why an entry that the policy allows cannot be accepted. */
export async function findConflictOf(db: Kysely<Tables>, id: string): Promise<QuarantineCode | undefined> {
  const row = await db.selectFrom('ledger').selectAll().where('id', '=', id).executeTakeFirst();
  return row?.status === 'quarantined' ? findConflict(db, row) : undefined;
}
