import { checkPurgeDays, MIN_PURGE_DAYS, PURGE_DAYS } from './inbox.js';
import type { Inbox } from './inbox.js';

/** Runs one statement with parameters `$1`, `$2`…, and returns its rows. */
export type Query = (statement: string, values: unknown[]) => Promise<unknown>;

/** Runs `work` in a transaction: commits what it did, or rolls it back if it rejects. */
export type Transact<Tx> = <T>(work: (tx: Tx, query: Query) => Promise<T>) => Promise<T>;

const TABLE = 'rewards_inbox';

/** The statements that create the tables of an inbox, for a migration of yours. PostgreSQL 12 or later. */
export function createInboxTables(table: string = TABLE): string {
  checkName(table);
  return `create table if not exists ${table} (
  id text primary key,
  reward text not null unique,
  received_at timestamptz not null
);
create table if not exists ${table}_state (
  singleton boolean primary key default true check (singleton),
  feed_cursor text,
  purged_before timestamptz not null default '-infinity'
);
insert into ${table}_state default values on conflict do nothing;
`;
}

/**
 * An inbox in PostgreSQL, by any library.
 * @param transact begins a transaction of the library, and runs statements in it
 * @param table a name of its own for each gateway
 */
export function sqlInbox<Tx>(transact: Transact<Tx>, table: string = TABLE): Inbox<Tx> {
  checkName(table);
  // Only an entry that is nearly as old can have been purged. A transaction is no longer than the day in between.
  const insert = `insert into ${table} (id, reward, received_at) values ($1::text, $2::text, $3::text::timestamptz)
    on conflict do nothing returning received_at < now() - interval '${MIN_PURGE_DAYS - 1} days' as old`;
  // After the insert: if that waited for a purge, this sees it, or fails under stricter isolation.
  const dropExpired = `with state as materialized (select purged_before from ${table}_state for share),
    expired as (delete from ${table} using state where id = $1::text and received_at < purged_before returning id)
    select id from expired`;
  // TypeORM returns rows of `select` and `insert` alone.
  const forget = `with forgotten as (
      delete from ${table} where received_at < (select purged_before from ${table}_state) returning id
    ) select count(*)::int as count from forgotten`;
  const setHorizon = `update ${table}_state set purged_before = greatest(purged_before, now() - make_interval(days => $1::int))`;

  return {
    once: ({ id, reward, receivedAt }, handle) =>
      transact(async (tx, query) => {
        const [inserted] = (await query(insert, [id, reward, receivedAt])) as { old: boolean }[];
        if (!inserted) return 'duplicate';
        if (inserted.old && ((await query(dropExpired, [id])) as object[]).length > 0) return 'expired';
        await handle(tx);
        // After an error that the handler did not pass on, PostgreSQL would roll back and call it a commit. This fails.
        await query('select 1', []);
        return 'handled';
      }),
    loadCursor: () =>
      transact(async (_, query) => {
        const [state] = (await query(`select feed_cursor from ${table}_state`, [])) as Row[];
        return state?.feed_cursor ?? undefined;
      }),
    saveCursor: (cursor) =>
      transact(async (_, query) => {
        await query(`update ${table}_state set feed_cursor = $1::text`, [cursor]);
      }),
    async purge(days = PURGE_DAYS) {
      checkPurgeDays(days);
      return transact(async (_, query) => {
        await query(setHorizon, [days]);
        const [forgotten] = (await query(forget, [])) as { count: number }[];
        return forgotten!.count;
      });
    },
  };
}

interface Row {
  readonly feed_cursor: string | null;
}

/** It becomes part of statements. */
function checkName(table: string): void {
  if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/.test(table))
    throw new RangeError('The table of the inbox must have a name of lower-case letters, digits and _.');
}
