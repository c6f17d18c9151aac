import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { trailingSingleFlight } from '../async/trailing-single-flight.js';
import type { Database } from '../database/database.js';
import type { LedgerStatus, Tables } from '../database/tables.js';
import { sanitizeText } from '../database/text-columns.js';
import { toLedgerEntry } from './ledger-entry.js';
import type { LedgerEntry } from './ledger-entry.js';

/** Held while places are given, so that they become visible in their order. Any number unused in this database. */
const FEED_LOCK = 7_261_903_442n;
/** Rows that one statement gives their places to: far below its time limit. */
const BATCH_SIZE = 5_000;
/** New rows after which this process gives out places of its own accord, lest a reader who comes late has to wait. */
const ASSIGN_THRESHOLD = 1_000;

export interface FeedQuery {
  userId?: string | undefined;
  status?: LedgerStatus | undefined;
  /** The `next` of an earlier page; from the beginning without it. */
  after?: string | undefined;
  limit: number;
}

export interface FeedPage {
  items: LedgerEntry[];
  /** Where to go on, now or later; the same again while there is nothing new. */
  next: string;
}

/**
 * The ledger in an order that a reader can follow without missing a row.
 *
 * Ids and sequence numbers are drawn before the commit: of two transactions the one with the lower number may commit
 * last, behind the back of a reader who has already passed it. So rows are born without a place. Before each page, the
 * committed ones that have none get the next numbers, by one process at a time, which is done when its numbers can be
 * seen. Writers take no part in it and wait for nothing. The order does not depend on transaction ids, so it survives a
 * dump and a long transaction elsewhere.
 *
 * A row whose status changes loses its place and gets a new one at the end: readers of one status see it arrive, readers
 * of everything see it again with its new status. The id tells that it is the same.
 */
export class LedgerFeed {
  private readonly scheduleAssign: () => Promise<void>;
  private unassignedRows = 0;

  constructor(private readonly database: Database) {
    this.scheduleAssign = trailingSingleFlight(() => this.assignPositions());
  }

  /** @throws StorageUnavailable; RangeError when `after` is no cursor of this feed */
  async page(query: FeedQuery): Promise<FeedPage> {
    const after = query.after === undefined ? 0 : parseCursor(query.after);
    if (after === undefined) throw new RangeError('after is no cursor of this feed');
    await this.scheduleAssign();
    const rows = await this.database.run((db) => selectPage(db, query, after));
    const last = rows.at(-1);
    return { items: rows.map(toLedgerEntry), next: toCursor(last ? Number(last.feed_position) : after) };
  }

  /** Told of every new row. */
  onRowInserted(): void {
    this.unassignedRows += 1;
    if (this.unassignedRows < ASSIGN_THRESHOLD) return;
    this.unassignedRows = 0;
    // Nobody waits for it. If it fails, the next new row or the next reader has it done.
    this.scheduleAssign().catch(() => (this.unassignedRows = ASSIGN_THRESHOLD));
  }

  private async assignPositions(): Promise<void> {
    while ((await this.database.run(assignBatch)) === BATCH_SIZE);
  }
}

/**
 * Gives up to BATCH committed rows their places. Less than BATCH means: every row committed before the call has one.
 * Looking first keeps the feed readable on a server that is read-only, as long as nothing waits for its place.
 */
async function assignBatch(db: Kysely<Tables>): Promise<number> {
  const waiting = await db
    .selectFrom('ledger')
    .select('id')
    .where('feed_position', 'is', null)
    .limit(1)
    .execute();
  if (waiting.length === 0) return 0;
  // Numbers are drawn behind the lock. Another process may have placed some of these rows while we waited for it: then
  // the condition of the update, which sees the newest version of a row, lets them be.
  const { rows } = await sql<{ seen: number }>`
    with turn as materialized (select pg_advisory_xact_lock(${sql.lit(FEED_LOCK)})),
    waiting as materialized (
      select ledger.id from turn, ledger where feed_position is null order by ledger.id limit ${sql.lit(BATCH_SIZE)}
    ),
    numbered as materialized (select id, nextval('ledger_feed_position') as position from waiting),
    placed as (
      update ledger set feed_position = numbered.position
      from numbered
      where ledger.id = numbered.id and ledger.feed_position is null
    )
    select count(*)::int as seen from waiting`.execute(db);
  return rows[0]?.seen ?? 0;
}

function selectPage(db: Kysely<Tables>, { userId, status, limit }: FeedQuery, after: number) {
  let rows = db
    .selectFrom('ledger')
    .selectAll()
    .where(sql<boolean>`feed_position > ${after}`);
  if (status !== undefined) rows = rows.where('status', '=', status);
  if (userId !== undefined) rows = rows.where(whereUser(userId));
  return rows.orderBy('feed_position').limit(limit).execute();
}

/** The index holds the beginning only: a quarantined row may have a user id longer than an index entry. */
export function whereUser(userId: string) {
  const text = sanitizeText(userId);
  return sql<boolean>`left(user_id, 256) = left(${text}, 256) and user_id = ${text}`;
}

const CURSOR_PATTERN = /^feed:(0|[1-9][0-9]{0,14})$/;

/** Whether a text has the form of a page's `next`. */
export function isFeedCursor(text: string): boolean {
  return parseCursor(text) !== undefined;
}

function toCursor(position: number): string {
  return Buffer.from(`feed:${position}`).toString('base64url');
}

function parseCursor(text: string): number | undefined {
  const plain = Buffer.from(text, 'base64url').toString();
  const digits = CURSOR_PATTERN.exec(plain)?.[1];
  // Only the very text that we gave out: decoding forgives too much.
  return digits !== undefined && toCursor(Number(digits)) === text ? Number(digits) : undefined;
}
