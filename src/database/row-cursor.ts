import { sql } from 'kysely';
import type { Kysely, Selectable } from 'kysely';
import { StorageUnavailableError } from './storage-error.js';
import type { Tables } from './tables.js';

type ListTable = 'audit_log' | 'deliveries';
type Row<T extends ListTable> = Selectable<Tables[T]>;

/** Where a reader of a list is. */
export interface RowCursor {
  readonly id: string;
  /** Undefined in a cursor that is an id alone. */
  readonly token: string | undefined;
}

/**
 * A list in the order of its ids, whose rows are never deleted. A database that is restored to an earlier time assigns the same ids
 * again, to other rows. So a cursor contains a part of its row, and a reader who has seen rows that are lost is told.
 */
export interface CursorList<T extends ListTable> {
  readonly table: T;
  /** What its ids begin with. */
  readonly prefix: string;
  /** Lower case letters and digits that no other row with this id would have. */
  readonly tokenOf: (row: Row<T>) => string;
}

/** A page of such a list. */
export interface RowPage<T> {
  readonly items: readonly T[];
  /** Undefined if there is no item. */
  readonly next: string | undefined;
}

const PATTERN = /^(0|[1-9]\d{0,17})(?:-([0-9a-z]{1,16}))?$/;

export function parseRowCursor(prefix: string, text: string): RowCursor | undefined {
  if (!text.startsWith(prefix)) return undefined;
  const [, id, token] = PATTERN.exec(text.slice(prefix.length)) ?? [];
  return id === undefined ? undefined : { id, token };
}

export function toRowCursor<T extends ListTable>(
  { prefix, tokenOf }: CursorList<T>,
  row: Row<T> & { id: string },
): string {
  return `${prefix}${row.id}-${tokenOf(row)}`;
}

/**
 * Whether this database has the row of a cursor, in the history that its reader has seen. To be asked after the page has been read: a
 * failover in between is noticed.
 * @throws StorageUnavailableError while a server that may get there yet recovers
 */
export async function hasRowOf<T extends ListTable>(
  db: Kysely<Tables>,
  { table, tokenOf }: CursorList<T>,
  { id, token }: RowCursor,
): Promise<boolean> {
  if (id === '0') return true;
  const name = sql.table(table);
  const { rows } = await sql<Row<T> & { found: boolean; newest: string | null; recovers: boolean }>`
    select t.*, t.id is not null as found, (select max(id) from ${name}) as newest, pg_is_in_recovery() as recovers
    from (select) as one left join ${name} t on t.id = ${id}::bigint`.execute(db);
  const row = rows[0]!;
  const exists =
    token === undefined ? BigInt(id) <= BigInt(row.newest ?? 0) : row.found && tokenOf(row) === token;
  if (!exists && row.recovers) throw new StorageUnavailableError('the server is in recovery');
  return exists;
}
