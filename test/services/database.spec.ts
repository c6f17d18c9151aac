import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { Database } from '../../src/database/database.js';
import { waitForDatabase } from '../../src/database/database-lifecycle.service.js';
import { StorageUnavailableError } from '../../src/database/storage-error.js';
import { LedgerService } from '../../src/ledger/ledger.service.js';
import { issuance } from '../support/callback-facts.js';
import { StorageProcess } from '../support/child.js';
import { baseEnvironment } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import type { GatewayProcess } from '../support/gateway-process.js';
import { redemption } from '../support/kiip.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor } from '../support/wait-for.js';

/** Runs `npm run migrate` as an operator does: the built program, and an environment. */
async function migrate(env: Record<string, string>) {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../../dist/cli/migrate.js', import.meta.url))],
    {
      env: { ...(baseEnvironment as Record<string, string>), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

async function inUse(gateway: GatewayProcess) {
  await gateway.logged('database ready');
  return { url: await gateway.url() };
}

const record = (url: string) =>
  fetch(`${url}/callbacks/kiip`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(redemption()),
  });

const timeoutMs = 3_000;

describe('on PostgreSQL', () => {
  let server: PostgresServer;
  let databaseUrl: string;
  beforeAll(async () => {
    server = await PostgresServer.create();
  }, 60_000);
  beforeEach(async () => {
    await server.query('postgres', 'drop database if exists gateway with (force)');
    await server.query('postgres', 'create database gateway');
    databaseUrl = server.url('gateway');
  });
  afterAll(() => server.destroy());

  test('three processes that start at once migrate once', async () => {
    const starts = Array.from(
      { length: 3 },
      () => new StorageProcess('migrate', { server: databaseUrl, timeoutMs }),
    );
    for (const start of starts) expect(await start.result()).toEqual(['migrated']);
    expect(await server.query('gateway', 'select name from schema_migrations')).toEqual([
      { name: '0001-initial' },
    ]);
  });

  const migrations = async () =>
    (await server.query('gateway', 'select name from schema_migrations order by name')).map(
      ({ name }) => name,
    );
  const ours = ['0001-initial'];

  test('`npm run migrate` creates the schema, and a gateway works on it', async () => {
    const env = { DATABASE_URL: databaseUrl };
    expect(await migrate(env)).toEqual({ code: 0, output: 'The schema is up to date.\n' });
    expect(await migrations()).toEqual(ours);
    expect(await migrate(env)).toEqual({ code: 0, output: 'The schema is up to date.\n' });
    await using gateway = startProcess(env);
    const { url } = await inUse(gateway);
    expect((await record(url)).status).toBe(200);
    expect(await migrations()).toEqual(ours);
  });

  test('`npm run migrate` exits 78 when the configuration is invalid, and 75 when no server responds', async () => {
    const bad = await migrate({ DATABASE_URL: 'mysql://gateway@127.0.0.1/gateway' });
    expect([bad.code, bad.output]).toEqual([
      78,
      expect.stringMatching(/^Invalid configuration.*\n.*DATABASE_URL/),
    ]);
    expect(bad.output).not.toContain('mysql');
    const away = await migrate({ DATABASE_URL: 'postgres://127.0.0.1:1/none' });
    expect(away).toEqual({ code: 75, output: 'storage unavailable: no connection (ECONNREFUSED)\n' });
    expect(await server.query('gateway', `select to_regclass('schema_migrations') as it`)).toEqual([
      { it: null },
    ]);
  });

  const later = `insert into schema_migrations (name, timestamp) values ('9999-later', now()::text)`;

  test('a schema that a later version has migrated is used as it is', async () => {
    await migrate({ DATABASE_URL: databaseUrl });
    await server.query('gateway', later);
    await using gateway = startProcess({ DATABASE_URL: databaseUrl });
    const { url } = await inUse(gateway);
    expect((await record(url)).status).toBe(200);
    expect(await migrations()).toEqual([...ours, '9999-later']);
    expect(gateway.log().filter(({ msg }) => msg === 'database unavailable')).toEqual([]);
  });

  test('an incompatible schema is logged with its migrations, and used without a restart after it is corrected', async () => {
    await migrate({ DATABASE_URL: databaseUrl });
    await server.query('gateway', later);
    await server.query('gateway', `delete from schema_migrations where name = '0001-initial'`);
    await using gateway = startProcess({ DATABASE_URL: databaseUrl });
    const { reason } = await gateway.logged('database unavailable');
    expect(reason).toBe('the database has 9999-later, but not 0001-initial');
    const url = await gateway.url();
    expect((await record(url)).status).toBe(503);
    expect(await migrations()).toEqual(['9999-later']);
    await server.query('gateway', later.replace('9999-later', '0001-initial'));
    await inUse(gateway);
    expect((await record(url)).status).toBe(200);
  });

  test('an outage of the server is logged once with its reason, and its end is logged once', async () => {
    await using gateway = startProcess({ DATABASE_URL: databaseUrl, DATABASE_TIMEOUT_MS: '5000' });
    const { url } = await inUse(gateway);
    const dependency = async () => {
      const view = (await (await fetch(`${url}/health/dependencies`)).json()) as Record<
        'checks' | 'details',
        { database: { state: string; last_failure: { at: string; reason: string } | null } } | undefined
      >;
      return (view.checks ?? view.details)!.database;
    };
    const logged = () =>
      gateway
        .log()
        .filter(({ context }) => context === 'Database')
        .map(({ level, msg, reason }) => [level, msg, reason]);
    const started = ['info', 'database ready', undefined];
    const reason = 'storage unavailable: no connection (ECONNREFUSED)';
    expect(await dependency()).toMatchObject({ state: 'up' });

    for (let round = 0; round < 2; round += 1) {
      await server.stop();
      for (let call = 0; call < 3; call += 1) expect((await record(url)).status).toBe(503);
      expect(await dependency()).toMatchObject({
        state: 'down',
        last_failure: { at: expect.stringMatching(/^\d{4}-.*Z$/), reason },
      });
      await server.start();
      for (let call = 0; call < 3; call += 1) expect((await record(url)).status).toBe(200);
      expect(await dependency()).toMatchObject({ state: 'up', last_failure: { reason } });
    }
    // The open connection reports the stop of the server with an error of its own.
    const unavailable = ['warn', 'database unavailable', expect.stringMatching(/^storage unavailable: \S/)];
    const reconnected = ['info', 'database reconnected', undefined];
    // A line may be logged after the response.
    await waitFor('everything is logged', () => logged().length >= 5);
    expect(logged()).toEqual([started, unavailable, reconnected, unavailable, reconnected]);
  });

  test('a migration waits for another one in flight, beyond the time limit of a statement', async () => {
    const other = await server.client('gateway');
    await other.query('begin');
    await other.query('select pg_advisory_xact_lock(7261903441)');
    const database = new Database({ server: databaseUrl, timeoutMs: 1_000 });
    const migration = database.migrate();
    const waiting = `select 1 from pg_stat_activity where wait_event = 'advisory' and now() - query_start > '1500 ms'`;
    await waitFor(
      'the migration waits for the lock',
      async () => (await server.query('postgres', waiting)).length === 1,
    );
    expect(database.state().state).toBe('unknown');
    await other.query('commit');
    await other.end();
    await migration;
    expect(database.state().state).toBe('up');
    await database.close();
  });

  test('a thousand identical callbacks over three processes become one entry with one id, and all are answered', async () => {
    const options = { server: databaseUrl, timeoutMs: 30_000, facts: issuance(), times: 334 };
    const processes = Array.from({ length: 3 }, () => new StorageProcess('record', options));
    const answers = (await Promise.all(processes.map((each) => each.result()))).flat() as {
      outcome?: string;
      id?: string;
    }[];
    const outcomes = answers.map(({ outcome }) => outcome).filter((outcome) => outcome !== undefined);
    expect(outcomes).toHaveLength(1_002);
    expect(outcomes.filter((outcome) => outcome === 'recorded')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'duplicate')).toHaveLength(1_001);
    expect(new Set(answers.map(({ id }) => id).filter((id) => id !== undefined)).size).toBe(1);
    expect(await server.query('gateway', 'select duplicates from ledger')).toEqual([{ duplicates: 1_001 }]);
    expect(await server.query('gateway', 'select count(*)::int as jobs from delivery_outbox')).toEqual([
      { jobs: 1 },
    ]);
  }, 60_000);

  test('every connection commits synchronously and limits its statements, whatever the settings of the server', async () => {
    await server.query('postgres', 'alter database gateway set synchronous_commit = off');
    const url = new URL(databaseUrl);
    url.searchParams.set('options', '-c search_path=public -c statement_timeout=0');
    const database = new Database({ server: url.href, timeoutMs: 2_999.1 });
    await database.migrate();
    const { rows } = await database.run((db) =>
      sql`select current_setting('synchronous_commit') as commit, current_setting('statement_timeout') as statement,
            current_setting('lock_timeout') as lock, current_setting('search_path') as path`.execute(db),
    );
    expect(rows).toEqual([{ commit: 'on', statement: '3s', lock: '3s', path: 'public' }]);
    await database.close();
  });

  test('a database that is absent at the start is migrated when it is there', async () => {
    await server.stop();
    const database = new Database({ server: databaseUrl, timeoutMs: 200 });
    expect(database.state()).toEqual({ state: 'unknown', lastSuccessAt: null, lastFailure: null });
    const failures: unknown[] = [];
    const ready = waitForDatabase(database, {
      signal: new AbortController().signal,
      onFailure: (error) => failures.push(error),
    });
    await waitFor('the first attempt fails', () => failures.length > 0);
    await expect(new LedgerService(database).record(issuance(), { status: 'recorded' })).rejects.toThrow(
      StorageUnavailableError,
    );
    const reason = 'storage unavailable: no connection (ECONNREFUSED)';
    expect(database.state()).toEqual({
      state: 'down',
      lastSuccessAt: null,
      lastFailure: { at: expect.any(Date), reason },
    });
    await server.start();
    await ready;
    expect(database.state().state).toBe('up');
    await database.close();
  });

  test('waiting for the database can be aborted', async () => {
    await server.stop();
    const database = new Database({ server: databaseUrl, timeoutMs: 200 });
    const abort = new AbortController();
    const ready = waitForDatabase(database, {
      signal: abort.signal,
      onFailure: () => abort.abort(),
    });
    await expect(ready).rejects.toMatchObject({ name: 'AbortError' });
    await database.close();
    await server.start();
  });
});
