import { readdirSync } from 'node:fs';
import { sql } from 'kysely';
import { Database } from '../../src/database/database.js';
import type { PoolName } from '../../src/database/database.js';
import { waitForDatabase } from '../../src/database/database-lifecycle.service.js';
import { StorageUnavailableError } from '../../src/database/storage-error.js';
import { LedgerService } from '../../src/ledger/ledger.service.js';
import { issuance } from '../support/callback-facts.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { startProcess } from '../support/gateway-process.js';
import { redemption } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

const recorded = { status: 'recorded' } as const;
const send = (url: string) =>
  fetch(`${url}/callbacks/kiip`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(redemption()),
  });

const timeoutMs = 1_000;
/** Much longer than the time limit: the tests assert that a call ends, not how fast the machine is. */
const BOUND_MS = 10_000;

async function expectUnavailable(work: Promise<unknown>): Promise<void> {
  const started = performance.now();
  await expect(work).rejects.toThrow(StorageUnavailableError);
  expect(performance.now() - started).toBeLessThan(BOUND_MS);
}

describe('an empty database', () => {
  let server: TestDatabase;
  beforeAll(async () => {
    server = await newDatabase();
  }, 60_000);
  beforeEach(() => server.query('drop schema public cascade; create schema public'));
  afterAll(() => server.drop());

  const open = (options: { timeoutMs?: number; url?: string } = {}) =>
    new Database({ server: options.url ?? server.url, timeoutMs: options.timeoutMs ?? 30_000 });
  const migrations = async () =>
    (await server.query('select name from gateway_migrations order by name')).map(({ name }) => name);
  const ours = readdirSync(new URL('../../src/database/', import.meta.url))
    .map((name) => /^migration-(\d{4}-.*)\.ts$/.exec(name)?.[1])
    .filter((name) => name !== undefined)
    .toSorted();
  const later = `insert into gateway_migrations (name, timestamp) values ('9999-later', now()::text)`;

  test('is migrated once by ten that start at once', async () => {
    const databases = Array.from({ length: 10 }, () => open());
    await Promise.all(databases.map((database) => database.migrate()));
    expect(await migrations()).toEqual(ours);
    await Promise.all(databases.map((database) => database.close()));
  });

  test('waits for another migration in flight, beyond the time limit of a statement', async () => {
    const other = await server.client();
    await other.query('begin');
    await other.query('select pg_advisory_xact_lock(7261903441)');
    const database = open({ timeoutMs });
    const migration = database.migrate();
    const waiting = `select 1 from pg_stat_activity
      where datname = current_database() and wait_event = 'advisory' and now() - query_start > '1500 ms'`;
    await waitFor('the migration waits for the lock', async () => (await server.query(waiting)).length === 1);
    expect(database.state().state).toBe('unknown');
    await other.query('commit');
    await other.end();
    await migration;
    expect(database.state().state).toBe('up');
    await database.close();
  });

  test.each(['before', 'after'] as const)(
    'is migrated by the next try when the connection is reset %s the COMMIT of a migration',
    async (when) => {
      const proxy = await FaultProxy.to(Number(new URL(server.url).port));
      const proxied = open({ url: urlThrough(proxy), timeoutMs });
      proxy.resetOn('commit', when);
      await expectUnavailable(proxied.migrate());
      proxy.stopResets();
      expect(proxy.resets).toBe(1);
      await proxied.migrate();
      expect(await new LedgerService(proxied).record(issuance(), recorded)).toMatchObject({
        outcome: 'recorded',
      });
      await proxied.close();
      await proxy.close();
    },
  );

  function urlThrough(proxy: FaultProxy): string {
    return Object.assign(new URL(server.url), { hostname: '127.0.0.1', port: String(proxy.port) }).href;
  }

  test('with an incompatible schema is logged with its migrations, and used without a restart after it is corrected', async () => {
    const migrated = open();
    await migrated.migrate();
    await migrated.close();
    await server.query(later);
    await server.query(`delete from gateway_migrations where name <> '9999-later'`);
    await using gateway = startProcess(server.env);
    const { reason } = await gateway.logged('database unavailable');
    expect(reason).toBe(`the database has 9999-later, but not ${ours.join(', ')}`);
    const url = await gateway.url();
    expect((await send(url)).status).toBe(503);
    expect(await migrations()).toEqual(['9999-later']);
    for (const name of ours) await server.query(later.replace('9999-later', name));
    await gateway.logged('database ready');
    expect((await send(url)).status).toBe(200);
  });

  test('is migrated when it can be reached, and waiting for it can be aborted', async () => {
    const proxy = await FaultProxy.to(Number(new URL(server.url).port));
    await proxy.refuse();
    const database = open({ url: urlThrough(proxy), timeoutMs });
    expect(database.state()).toEqual({ state: 'unknown', lastSuccessAt: null, lastFailure: null });
    const abort = new AbortController();
    const aborted = waitForDatabase(database, { signal: abort.signal, onFailure: () => abort.abort() });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    const failures: unknown[] = [];
    const ready = waitForDatabase(database, {
      signal: new AbortController().signal,
      onFailure: (error) => failures.push(error),
    });
    await waitFor('the first attempt fails', () => failures.length > 0);
    await expectUnavailable(new LedgerService(database).record(issuance(), recorded));
    const reason = 'storage unavailable: no connection (ECONNREFUSED)';
    expect(database.state()).toEqual({
      state: 'down',
      lastSuccessAt: null,
      lastFailure: { at: expect.any(Date), reason },
    });
    await proxy.accept();
    await ready;
    expect(database.state().state).toBe('up');
    await database.close();
    await proxy.close();
  });
});

describe('a connection to the database', () => {
  let server: TestDatabase;
  beforeAll(async () => {
    server = await newDatabase();
  }, 60_000);
  afterAll(() => server.drop());

  test('commits synchronously and limits its statements, whatever the settings of the server', async () => {
    const url = new URL(server.url);
    await server.query(`alter database ${url.pathname.slice(1)} set synchronous_commit = off`);
    url.searchParams.set('options', '-c search_path=public -c statement_timeout=0');
    const database = new Database({ server: url.href, timeoutMs: 2_999.1 });
    await database.migrate();
    const { rows } = await database.run((db) =>
      sql`select current_setting('synchronous_commit') as commit, current_setting('statement_timeout') as statement,
            current_setting('lock_timeout') as lock, current_setting('search_path') as path`.execute(db),
    );
    expect(rows).toEqual([{ commit: 'on', statement: '3s', lock: '1500ms', path: 'public' }]);
    await database.close();
  });

  test.each([
    [6, 6],
    [18, 18],
  ])('has %i connections at most, for all kinds of work together', async (poolSize, expected) => {
    const database = new Database({ server: server.url, timeoutMs: 30_000, poolSize });
    await database.migrate();
    const pools = ['callbacks', 'workers', 'reads'] as const;
    const many = Array.from({ length: 20 }, (_, index) => pools[index % pools.length]!);
    const run = (pool: PoolName) => database.run((db) => sql`select pg_sleep(0.02)`.execute(db), pool);
    await Promise.all([...many, ...many].map(run));
    const [row] = await server.query(
      `select count(*)::int from pg_stat_activity where datname = current_database() and application_name = 'rewards-gateway'`,
    );
    expect(row).toEqual({ count: expected });
    await database.close();
  });

  test('ends a statement that waits for a lock at its time limit, and is used again', async () => {
    const database = new Database({ server: server.url, timeoutMs });
    await database.migrate();
    const ledger = new LedgerService(database);
    await ledger.record(issuance({ nonce: 'n-0' }), recorded);
    const locker = await server.client();
    const connections = () =>
      server.query(
        `select pid from pg_stat_activity where datname = current_database() and application_name = 'rewards-gateway'`,
      );
    const before = await connections();
    await locker.query('begin');
    await locker.query('lock table ledger in access exclusive mode');
    await expectUnavailable(ledger.record(issuance(), recorded));
    expect(await connections()).toEqual(before);
    await locker.query('rollback');
    await locker.end();
    expect(await ledger.record(issuance(), recorded)).toMatchObject({ outcome: 'recorded' });
    expect(database.state().state).toBe('up');
    await database.close();
  });

  test('passes on the error of a statement', async () => {
    const database = await server.open();
    const statement = database.run((db) =>
      db
        .selectFrom('ledger')
        .select('nothing' as 'id')
        .execute(),
    );
    await expect(statement).rejects.toThrow(expect.objectContaining({ code: '42703' }));
  });
});
