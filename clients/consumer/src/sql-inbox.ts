import { checkPurgeDays, MIN_PURGE_DAYS, PURGE_DAYS } from './inbox.js';
import type { Inbox } from './inbox.js';
import { RetryLater } from './outcomes.js';

/** Runs one statement with parameters `$1`, `$2`…, and returns its rows. */
export type Query = (statement: string, values: unknown[]) => Promise<unknown>;

/** Runs `work` in a transaction: commits what it did, or rolls it back if it rejects. */
export type Transact<Tx> = <T>(work: (tx: Tx, query: Query) => Promise<T>) => Promise<T>;

const TABLE = 'rewards_inbox';

/** PostgreSQL: `lock_not_available`. */
const LOCK_TIMEOUT = '55P03';

/** The statements that create the tables of an inbox, for a migration of yours. PostgreSQL 12 or later. */
export function createInboxTables(table: string = TABLE): string {
  checkName(table);
  // Two that create a table at once would fail.
  return `select pg_advisory_xact_lock(hashtext('${table}'));
create table if not exists ${table} (
  id text primary key,
  reward text unique,
  credit text,
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
  // The gateway waits 10 s, and each call that waits for another one has a connection.
  const insert = `with wait as materialized (select set_config('lock_timeout', '8s', true) as time)
    insert into ${table} (id, reward, credit, received_at)
    select $1::text, $2::text, $3::text, $4::text::timestamptz from wait where time is not null
    on conflict do nothing returning received_at < now() - interval '${MIN_PURGE_DAYS - 1} days' as old`;
  const findConflict = `select id from ${table} where reward = $1::text and id <> $2::text and credit <> $3::text`;
  // After the insert: if that waited for a purge, this sees it, or fails under stricter isolation.
  const dropExpired = `with state as materialized (select purged_before from ${table}_state for share),
    expired as (delete from ${table} using state where id = $1::text and received_at < purged_before returning id)
    select id from expired`;
  // TypeORM returns rows of `select` and `insert` alone.
  const forget = `with forgotten as (
      delete from ${table} where received_at < (select purged_before from ${table}_state) returning id
    ) select count(*)::int as count from forgotten`;
  // Not by the clock alone: what one that is ahead forgets would be handled again once it is right. Nothing is to be forgotten in a
  // new inbox, so it still takes all of the feed.
  const setHorizon = `update ${table}_state set purged_before = horizon
    from (select least(now(), max(received_at)) - make_interval(days => $1::int) as horizon from ${table}) as newest
    where horizon > purged_before and exists (select from ${table} where received_at < horizon)`;

  return {
    once: ({ id, reward, credit, receivedAt }, handle) =>
      transact(async (tx, query) => {
        const [inserted] = (await query(insert, [id, reward, credit, receivedAt]).catch(later)) as {
          old: boolean;
        }[];
        if (!inserted) {
          const conflicts = (await query(findConflict, [reward, id, credit])) as object[];
          return conflicts.length > 0 ? 'conflict' : 'duplicate';
        }
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

/** @throws RetryLater if another call for the same entry takes too long */
function later(error: unknown): never {
  throw (error as { code?: unknown } | null)?.code === LOCK_TIMEOUT ? new RetryLater(5) : error;
}

/** It becomes part of statements. */
function checkName(table: string): void {
  if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/.test(table))
    throw new RangeError('The table of the inbox must have a name of lower-case letters, digits and _.');
}
