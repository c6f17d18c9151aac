import { sql } from 'kysely';
import type { Kysely, RawBuilder, Selectable } from 'kysely';
import { trailingSingleFlight } from '../async/trailing-single-flight.js';
import type { Database } from '../database/database.js';
import { leadingEquals, LIST_ORDERS } from '../database/keyset.js';
import type { ListOrder, SqlOrder } from '../database/keyset.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import type { LedgerStatus, LedgerTable, Tables } from '../database/tables.js';
import { sanitizeText } from '../database/text-columns.js';
import { toLedgerEntry } from './ledger-entry.js';
import { FEED_LOCK } from '../database/advisory-locks.js';
import type { LedgerEntry } from './ledger-entry.js';

/** The entries that one statement assigns positions to: it stays far below the time limit. */
const BATCH_SIZE = 5_000;
/** After this many new entries without a position, the process assigns them without a reader, so that a late reader need not wait. */
const ASSIGN_THRESHOLD = 1_000;

export interface FeedQuery {
  userId?: string | undefined;
  transactionId?: string | undefined;
  status?: LedgerStatus | undefined;
  /** The `next` of an earlier page. Without it, the feed starts at the beginning; in descending order, at the end. */
  after?: string | undefined;
  order?: ListOrder | undefined;
  limit: number;
}

export interface FeedPage {
  items: LedgerEntry[];
  /** The cursor to continue with, now or later. It stays the same while there is nothing new; one of version 0.1 gets its token. */
  next: string;
}

/**
 * The ledger in an order that a reader can follow without missing an entry.
 *
 * Ids and sequence numbers are drawn before the commit. Of two transactions, the one with the lower number may commit
 * last, after a reader has passed its number. So positions are assigned under a lock that is held until they are visible.
 * The statement that inserts entries takes the lock if it is free, and does not wait for it: the entries are then inserted without
 * a position. Before each page, one process at a time gives the next numbers to the committed entries without one. The order does
 * not depend on transaction ids, so it survives a dump and a long transaction elsewhere.
 *
 * An entry whose status changes loses its position and gets a new one at the end. Readers of one status see it appear;
 * readers of all entries see it again with its new status and the same id.
 *
 * A database that is restored to an earlier time, or replaced by a replica that lags behind, assigns the same positions again, to
 * other entries. So the positions that one statement assigns share a random token, stored with them, and a cursor contains the token
 * of its position. A database that does not have it has lost entries that the reader has seen, and the reader is told.
 */
export class LedgerFeed {
  private readonly scheduleAssign: () => Promise<void>;
  private unpositionedRows = 0;

  constructor(private readonly database: Database) {
    this.scheduleAssign = trailingSingleFlight(() => this.assignPositions());
  }

  /**
   * @returns 'restarted' if the database has been set back to a time before the cursor
   * @throws StorageUnavailableError
   */
  async page(query: FeedQuery): Promise<FeedPage | 'restarted'> {
    // IssuancesQueryDto has validated the cursor.
    const cursor = query.after === undefined ? undefined : parseCursor(query.after);
    await this.scheduleAssign();
    // Position 0 is the `next` of a list that was empty: in either order, one begins anew there.
    const rows = await this.database.run(
      (db) => selectPage(db, query, cursor?.position || undefined),
      'reads',
    );
    // After the page: a failover in between is noticed.
    const current = await this.database.run((db) => findCursor(db, cursor ?? START), 'reads');
    if (!current) return 'restarted';
    const last = rows.at(-1);
    const next = last ? { position: Number(last.feed_position), token: last.token } : current;
    return { items: rows.map(toLedgerEntry), next: toCursor(next) };
  }

  /** To be called for every new entry without a position. */
  onUnpositionedRow(): void {
    this.unpositionedRows += 1;
    if (this.unpositionedRows < ASSIGN_THRESHOLD) return;
    this.unpositionedRows = 0;
    // In the background. If it fails, the next such entry or the next reader tries again.
    this.scheduleAssign().catch(() => (this.unpositionedRows = ASSIGN_THRESHOLD));
  }

  private async assignPositions(): Promise<void> {
    while ((await this.database.run(assignBatch, 'workers')) === BATCH_SIZE);
  }
}

/**
 * Assigns positions to up to BATCH_SIZE committed entries. If it returns less, every entry committed before the call has
 * one. The select in front keeps the feed readable on a read-only server while no entry needs a position.
 */
async function assignBatch(db: Kysely<Tables>): Promise<number> {
  const waiting = await db
    .selectFrom('ledger')
    .select('id')
    .where('feed_position', 'is', null)
    .limit(1)
    .execute();
  if (waiting.length === 0) return 0;
  // Numbers are drawn while the lock is held. Another process may have assigned positions to some of these entries while
  // this one waited for the lock. The condition of the update sees the newest version of a row and skips them.
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
    ),
    batch as (
      insert into ledger_feed_batches (last_position) select max(position) from numbered having count(*) > 0
    )
    select count(*)::int as seen from waiting`.execute(db);
  return rows[0]?.seen ?? 0;
}

/** The token of the batch that a position belongs to. */
function tokenOf(position: RawBuilder<unknown>) {
  return sql<string | null>`(
    select token from ledger_feed_batches where last_position >= ${position} order by last_position limit 1
  )`;
}

/**
 * Checks that this database has assigned the position of a cursor, in the history that its reader has seen.
 * @returns the cursor with its token; undefined if it has not
 * @throws StorageUnavailableError while a server that has not got there yet recovers
 */
async function findCursor(db: Kysely<Tables>, cursor: Cursor): Promise<Cursor | undefined> {
  if (cursor.position === 0) return START;
  const { rows } = await sql<{ token: string | null; newest: string; recovers: boolean }>`
    select ${tokenOf(sql`${cursor.position}::bigint`)} as token, last_value as newest, pg_is_in_recovery() as recovers
    from ledger_feed_position`.execute(db);
  const { token, newest, recovers } = rows[0]!;
  // Cursors of version 0.1, and positions that it has assigned since, have no token.
  const exists = cursor.token === null ? cursor.position <= Number(newest) : cursor.token === token;
  if (!exists && recovers) throw new StorageUnavailableError('the server is in recovery');
  return exists ? { ...cursor, token } : undefined;
}

type PageRow = Selectable<LedgerTable> & { readonly token: string | null };

const STATUSES: readonly LedgerStatus[] = ['recorded', 'quarantined', 'released', 'discarded'];

/** With the token of the last position, in one statement: two could read from two servers, during a failover. */
async function selectPage(
  db: Kysely<Tables>,
  query: FeedQuery,
  after: number | undefined,
): Promise<PageRow[]> {
  const order = LIST_ORDERS[query.order ?? 'asc'];
  const { rows } = await sql<PageRow>`
    with page as materialized (${pageOf(query, String(after ?? order.start), order)})
    select page.*, ${tokenOf(sql`(select ${order.last}(feed_position) from page)`)} as token
    from page order by feed_position ${order.by}`.execute(db);
  return rows;
}

function pageOf(query: FeedQuery, after: string, order: SqlOrder) {
  const { userId, transactionId, status, limit } = query;
  const isBeyond = sql`feed_position ${order.beyond} ${after}::bigint`;
  if (transactionId !== undefined) return pageOfTransaction(transactionId, query, isBeyond, order);
  if (userId === undefined) {
    const where =
      status === undefined
        ? sql`${isBeyond} order by feed_position ${order.by}`
        : sql`${leadingEquals(sql`status`, sql`${status}`)} and ${isBeyond} order by status ${order.by}, feed_position ${order.by}`;
    return sql`select * from ledger where ${where} limit ${limit}`;
  }
  // The statuses of a user one by one, so that one index serves all of them together and each alone.
  return sql`
    select page.* from unnest(${status === undefined ? STATUSES : [status]}::text[]) as wanted (status), lateral (
      select * from ledger where ${positionedOfUser(userId, after, limit, order)}
    ) page
    order by page.feed_position ${order.by} limit ${limit}`;
}

/** A transaction has few entries: all are read, by the index of transactions, whatever else is asked for. */
function pageOfTransaction(
  transactionId: string,
  { userId, status, limit }: FeedQuery,
  isBeyond: RawBuilder<unknown>,
  order: SqlOrder,
) {
  return sql`
    select found.* from (
      select * from ledger where transaction_id = ${sanitizeText(transactionId)} collate "C" offset 0
    ) found
    where ${isBeyond} and ${userId === undefined ? sql`true` : whereUser(userId)} and ${status === undefined ? sql`true` : sql`status = ${status}`}
    order by feed_position ${order.by} limit ${limit}`;
}

/** The next entries of a user with the status that is `wanted`, in their order. */
export function positionedOfUser(
  userId: string,
  after: string,
  limit: number,
  order: SqlOrder = LIST_ORDERS.asc,
) {
  const text = sanitizeText(userId);
  const prefix = sql`left(user_id, 256)`;
  return sql`${leadingEquals(prefix, sql`left(${text}, 256)`)} and user_id = ${text} and ledger.status = wanted.status
    and feed_position ${order.beyond} ${after}::bigint order by ${prefix} ${order.by}, feed_position ${order.by} limit ${limit}`;
}

/** The index contains only the beginning: a quarantined entry may have a user id that is too long for an index. */
export function whereUser(userId: string) {
  const text = sanitizeText(userId);
  return sql<boolean>`left(user_id, 256) = left(${text}, 256) and user_id = ${text}`;
}

interface Cursor {
  readonly position: number;
  readonly token: string | null;
}

const START: Cursor = { position: 0, token: null };
const CURSOR_PATTERN = /^feed:(0|[1-9][0-9]{0,14})(?::([0-9a-f]{8}))?$/;

/** Whether the text has the form of a page's `next`. */
export function isFeedCursor(text: string): boolean {
  return parseCursor(text) !== undefined;
}

function toCursor({ position, token }: Cursor): string {
  return Buffer.from(`feed:${position}${token === null ? '' : `:${token}`}`).toString('base64url');
}

function parseCursor(text: string): Cursor | undefined {
  const plain = Buffer.from(text, 'base64url').toString();
  const [, digits, token = null] = CURSOR_PATTERN.exec(plain) ?? [];
  const cursor = { position: Number(digits), token };
  // The text must be exactly as issued: decoding base64url accepts other texts too.
  return digits !== undefined && toCursor(cursor) === text ? cursor : undefined;
}
