import { join } from 'node:path';
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import type { PoolClient } from 'pg';
import type { Inbox, InboxEntry, Transact } from '../../clients/consumer/src/index.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { installConsumer } from '../support/packed-consumer.js';
import type { PackedConsumer } from '../support/packed-consumer.js';
import { waitFor } from '../support/wait-for.js';

type Core = typeof import('../../clients/consumer/src/index.js');

const DAY_MS = 86_400_000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();
const entry = (id: string, receivedAt = daysAgo(0), reward = `reward of ${id}`): InboxEntry => ({
  id,
  reward,
  credit: 'the same',
  receivedAt,
});

/** An inbox, whatever its transactions are. */
interface Candidate extends Pick<Inbox<unknown>, 'purge' | 'loadCursor' | 'saveCursor'> {
  once(
    entry: InboxEntry,
    work: (write: (statement: string) => Promise<unknown>) => Promise<void>,
  ): Promise<string>;
}

const toCandidate = <Tx>(
  inbox: Inbox<Tx>,
  write: (tx: Tx, statement: string) => Promise<unknown>,
): Candidate => ({
  ...inbox,
  once: (given, work) => inbox.once(given, (tx) => work((statement) => write(tx, statement))),
});

let packed: PackedConsumer;
let core: Core;
let database: TestDatabase;
let pool: Pool;
let candidates: Record<string, Candidate>;

beforeAll(async () => {
  [packed, database] = await Promise.all([installConsumer(), newDatabase()]);
  const load = async <T>(name: string) => (await import(join(packed.installed, 'dist', name))) as T;
  core = await load<Core>('index.js');
  const { pgInbox } = await load<typeof import('../../clients/consumer/src/pg.js')>('pg.js');
  const { kyselyInbox } = await load<typeof import('../../clients/consumer/src/kysely.js')>('kysely.js');
  pool = new Pool({ connectionString: database.url, max: 25 });
  pool.on('error', () => undefined);
  const kysely = new Kysely<object>({ dialect: new PostgresDialect({ pool }) });
  candidates = {
    pg: toCandidate(pgInbox(pool), (tx, statement) => tx.query(statement)),
    kysely: toCandidate(kyselyInbox(kysely, 'public.other_inbox'), (tx, statement) =>
      tx.executeQuery(CompiledQuery.raw(statement)),
    ),
  };
  await database.query('create table credits (id text)');
  // As often as somebody likes, and at the same time.
  await Promise.all(
    ['rewards_inbox', 'public.other_inbox'].flatMap((table) =>
      Array.from({ length: 10 }, () => pool.query(core.createInboxTables(table))),
    ),
  );
}, 240_000);
afterAll(async () => {
  await pool.end();
  await database.drop();
  packed.remove();
});
beforeEach(async () => {
  await database.query('delete from credits');
});

const credits = async () => (await database.query('select id from credits')).map(({ id }) => id);
const credit = (candidate: Candidate, given: InboxEntry) =>
  candidate.once(given, async (write) => void (await write(`insert into credits values ('${given.id}')`)));

describe.each(['pg', 'kysely'])('an inbox on %s', (name) => {
  it('handles an entry once, however often it arrives at the same time', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => credit(candidates[name]!, entry('a'))),
    );

    expect(outcomes.toSorted()).toEqual([...Array<string>(19).fill('duplicate'), 'handled']);
    expect(await credits()).toEqual(['a']);
  });

  it('keeps nothing of an entry that could not be handled', async () => {
    const failure = candidates[name]!.once(entry('b'), async (write) => {
      await write(`insert into credits values ('b')`);
      throw new Error('no');
    });

    await expect(failure).rejects.toThrow('no');
    expect(await credits()).toEqual([]);
    expect(await credit(candidates[name]!, entry('b'))).toBe('handled');
  });

  it('does not take an error that the handler kept to itself for a commit', async () => {
    const hidden = candidates[name]!.once(entry('c'), async (write) => {
      await write('select 1 / 0').catch(() => undefined);
    });

    await expect(hidden).rejects.toThrow('current transaction is aborted');
    expect(await credit(candidates[name]!, entry('c'))).toBe('handled');
  });

  it('knows a reward that comes again under a new id', async () => {
    await credit(candidates[name]!, entry('d', daysAgo(1), 'the same'));

    const restored = entry('d, restored', daysAgo(0), 'the same');
    expect(await credit(candidates[name]!, restored)).toBe('duplicate');
    expect(await credit(candidates[name]!, { ...restored, credit: 'more' })).toBe('conflict');
    // An erased user has another id.
    expect(await credit(candidates[name]!, { ...restored, id: 'd', credit: 'more' })).toBe('duplicate');
  });

  it('handles no entry from the time that was purged, and every later one', async () => {
    const inbox = candidates[name]!;
    // Nothing is forgotten, so nothing is expired.
    expect(await inbox.purge()).toBe(0);
    for (const days of [500, 399]) await credit(candidates[name]!, entry(`${days} days`, daysAgo(days)));

    expect(await inbox.purge()).toBe(1);

    expect(await credit(candidates[name]!, entry('500 days', daysAgo(500)))).toBe('expired');
    expect(await credit(candidates[name]!, entry('401 days', daysAgo(401)))).toBe('expired');
    expect(await credit(candidates[name]!, entry('399 days', daysAgo(399)))).toBe('duplicate');
    expect(await credit(candidates[name]!, entry('398 days', daysAgo(398)))).toBe('handled');
    expect(await credits()).toEqual(['500 days', '399 days', '398 days']);
    // What was forgotten stays forgotten.
    expect(await inbox.purge(1_000)).toBe(0);
    expect(await credit(candidates[name]!, entry('500 days', daysAgo(500)))).toBe('expired');
  });

  it.each([29, 30.5, Number.NaN])('refuses to purge what is %d days old', async (days) => {
    await expect(candidates[name]!.purge(days)).rejects.toThrow(RangeError);
  });

  it('keeps its place in the feed', async () => {
    const inbox = candidates[name]!;
    expect(await inbox.loadCursor()).toBeUndefined();
    await inbox.saveCursor('first');
    await inbox.saveCursor('second');
    expect(await inbox.loadCursor()).toBe('second');
  });
});

const transact =
  (level: string, beforeCommit = async () => undefined as void): Transact<PoolClient> =>
  async (work) => {
    const client = await pool.connect();
    try {
      await client.query(`begin isolation level ${level}`);
      const result = await work(client, async (text, values) => (await client.query(text, values)).rows);
      await beforeCommit();
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  };

describe.each(['read committed', 'repeatable read', 'serializable'])('a purge, under %s', (isolation) => {
  it('lets no entry through that it is forgetting', async () => {
    const table = isolation.replace(' ', '_');
    await database.query(core.createInboxTables(table));
    const deleted = Promise.withResolvers<void>();
    const mayCommit = Promise.withResolvers<void>();
    const slow = transact('read committed', async () => {
      deleted.resolve();
      await mayCommit.promise;
    });
    const other = core.sqlInbox(transact(isolation), table);
    const old = entry('old', daysAgo(500));
    for (const each of [old, entry('new')]) await other.once(each, () => undefined);

    const purging = core.sqlInbox(slow, table).purge();
    await deleted.promise;
    const again = other
      .once(old, async (tx) => void (await tx.query(`insert into credits values ('again')`)))
      .catch((error: Error) => error.message);
    await waitFor('it waits for the purge', async () => {
      const query = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      return (await database.query(query)).length > 0;
    });
    mayCommit.resolve();

    expect(await purging).toBe(1);
    expect(await again).toMatch(isolation === 'read committed' ? 'expired' : /^could not serialize access/);
    expect(await credits()).toEqual([]);
  });
});

it('a purge by a clock that is ahead forgets nothing new', async () => {
  const table = 'ahead';
  // As for a server whose clock is two years ahead.
  await database.query(`${core.createInboxTables(table)}
    create schema ahead_clock;
    create function ahead_clock.now() returns timestamptz as $$ select pg_catalog.now() + interval '2 years' $$ language sql`);
  const inbox = core.sqlInbox<PoolClient>(
    (work) =>
      transact('read committed')(async (tx, query) => {
        await query('set local search_path = ahead_clock, pg_catalog, public', []);
        return work(tx, query);
      }),
    table,
  );
  await credit(
    toCandidate(inbox, (tx: PoolClient, statement) => tx.query(statement)),
    entry('yesterday', daysAgo(1)),
  );

  expect(await inbox.purge()).toBe(0);
});

it('waits for another delivery no longer than the gateway does', async () => {
  const mayCommit = Promise.withResolvers<void>();
  const first = core.sqlInbox(transact('read committed', () => mayCommit.promise));
  const impatient = core.sqlInbox<PoolClient>((work) =>
    transact('read committed')((tx, query) =>
      work(tx, (statement, values) => query(statement.replace(`'8s'`, `'50ms'`), values)),
    ),
  );
  const handled = Promise.withResolvers<void>();
  const slow = first.once(entry('slow'), () => handled.resolve());
  await handled.promise;

  await expect(impatient.once(entry('slow'), () => undefined)).rejects.toThrow(core.RetryLater);
  mayCommit.resolve();
  expect(await slow).toBe('handled');
});

it('names of tables are names', () => {
  expect(() => core.createInboxTables('inbox; drop table credits')).toThrow(RangeError);
});
