import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { Database } from '../../src/database/database.js';
import { DataFolderUnusable, lockDataFolder } from '../../src/database/data-folder-lock.js';
import { firstContact } from '../../src/database/first-contact.js';
import { StorageUnavailable } from '../../src/database/storage-error.js';
import { Ledger } from '../../src/kiip/ledger.js';
import { issuance } from '../support/callback-facts.js';
import { StorageProcess } from '../support/child.js';
import { findPostgres, PostgresServer } from '../support/postgres.js';
import { until } from '../support/until.js';

const bin = findPostgres();
const onPostgres = bin === undefined ? describe.skip : describe;
const timeoutMs = 3_000;

onPostgres('on PostgreSQL', () => {
  let server: PostgresServer;
  let databaseUrl: string;
  beforeAll(async () => {
    server = await PostgresServer.create(bin ?? '');
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
      () => new StorageProcess('migrate', { databaseUrl, dataDir: '', timeoutMs }),
    );
    for (const start of starts) expect(await start.result()).toEqual(['migrated']);
    expect(await server.query('gateway', 'select name from schema_migrations')).toEqual([
      { name: '0001-ledger' },
      { name: '0002-deliveries' },
      { name: '0003-decisions' },
    ]);
  });

  test('a migration waits for the one under way, beyond the time limit of a statement', async () => {
    const other = await server.client('gateway');
    await other.query('begin');
    await other.query('select pg_advisory_xact_lock(7261903441)');
    const database = new Database({ databaseUrl, dataDir: '', timeoutMs: 50 });
    const migration = database.migrate();
    const waiting = `select 1 from pg_stat_activity where wait_event = 'advisory' and now() - query_start > '400 ms'`;
    await until('it is so', async () => (await server.query('postgres', waiting)).length === 1);
    expect(database.state().state).toBe('unknown');
    await other.query('commit');
    await other.end();
    await migration;
    expect(database.state().state).toBe('up');
    await database.close();
  });

  test('a thousand identical callbacks over three processes are one row, one id and a thousand answers', async () => {
    const options = { databaseUrl, dataDir: '', timeoutMs, facts: issuance(), times: 334 };
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

  test('every connection commits synchronously and bounds its statements, whatever its server is set to', async () => {
    await server.query('postgres', 'alter database gateway set synchronous_commit = off');
    const url = new URL(databaseUrl);
    url.searchParams.set('options', '-c search_path=public -c statement_timeout=0');
    const database = new Database({ databaseUrl: url.href, dataDir: '', timeoutMs: 2_999.1 });
    await database.migrate();
    const { rows } = await database.run((db) =>
      sql`select current_setting('synchronous_commit') as commit, current_setting('statement_timeout') as statement,
            current_setting('lock_timeout') as lock, current_setting('search_path') as path`.execute(db),
    );
    expect(rows).toEqual([{ commit: 'on', statement: '3s', lock: '3s', path: 'public' }]);
    await database.close();
  });

  test('it may be absent at the start: the first contact is made when it is there', async () => {
    await server.stop();
    const database = new Database({ databaseUrl, dataDir: '', timeoutMs: 200 });
    expect(database.state()).toEqual({ state: 'unknown', lastSuccessAt: null, lastFailure: null });
    const failures: unknown[] = [];
    const contact = firstContact(database, {
      signal: new AbortController().signal,
      onFailure: (error) => failures.push(error),
    });
    await until('it is so', () => failures.length > 0);
    await expect(new Ledger(database).record(issuance(), { status: 'recorded' })).rejects.toThrow(
      StorageUnavailable,
    );
    const reason = 'storage unavailable: no connection (ECONNREFUSED)';
    expect(database.state()).toEqual({
      state: 'down',
      lastSuccessAt: null,
      lastFailure: { at: expect.any(Date), reason },
    });
    await server.start();
    await contact;
    expect(database.state().state).toBe('up');
    await database.close();
  });

  test('waiting for the first contact can be called off', async () => {
    await server.stop();
    const database = new Database({ databaseUrl, dataDir: '', timeoutMs: 200 });
    const calledOff = new AbortController();
    const contact = firstContact(database, { signal: calledOff.signal, onFailure: () => calledOff.abort() });
    await expect(contact).rejects.toMatchObject({ name: 'AbortError' });
    await database.close();
    await server.start();
  });
});

describe('embedded', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'gateway-data-'));
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  test('one process has the folder to itself, and its death frees it', async () => {
    const holder = new StorageProcess('hold', { dataDir, timeoutMs });
    await until('it is so', () => holder.lines.length === 1);
    const second = await new StorageProcess('migrate', { dataDir, timeoutMs }).result();
    expect(second).toEqual([
      { error: 'DataFolderUnusable', message: expect.stringMatching(/in use by process \d+/) },
    ]);
    const here = new Database({ dataDir, timeoutMs });
    await expect(here.migrate()).rejects.toThrow(DataFolderUnusable);
    await holder.kill();
    await here.migrate();
    expect(here.state().state).toBe('up');
    await here.close();
  }, 60_000);

  test('a process killed at any moment has lost nothing that it acknowledged', async () => {
    const writer = new StorageProcess('write-for-ever', { dataDir, timeoutMs, facts: issuance() });
    await until('it is so', () => writer.lines.length > 100);
    await writer.kill();
    const acknowledged = writer.lines.slice(1) as { id: string }[];
    const database = new Database({ dataDir, timeoutMs });
    await database.migrate();
    const ledger = new Ledger(database);
    for (const { id } of acknowledged) expect(await ledger.find(id)).toMatchObject({ status: 'recorded' });
    await database.close();
  }, 60_000);

  test('what was stored is there after a restart', async () => {
    const first = new Database({ dataDir, timeoutMs });
    await first.migrate();
    const { id } = await new Ledger(first).record(issuance(), { status: 'recorded' });
    await first.close();
    const second = new Database({ dataDir, timeoutMs });
    await second.migrate();
    expect(await new Ledger(second).find(id)).toMatchObject({ id });
    await second.close();
    await expect(second.run(() => Promise.resolve())).rejects.toThrow(StorageUnavailable);
  }, 60_000);

  describe('the lock on the folder', () => {
    let path: string;
    beforeEach(() => {
      path = join(dataDir, 'in-use.json');
    });
    const holder = () => JSON.parse(readFileSync(path, 'utf8')) as object;

    test('is held against the same process, too, and leaves nothing behind', async () => {
      const lock = await lockDataFolder(dataDir);
      await expect(lockDataFolder(dataDir)).rejects.toThrow(DataFolderUnusable);
      await lock.release();
      expect(readdirSync(dataDir)).toEqual([]);
    });

    test('of many who want it at once, one gets it', async () => {
      const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataFolder(dataDir)));
      expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    test('of a dead process is void, even if its number has been given to another', async () => {
      const lock = await lockDataFolder(dataDir);
      writeFileSync(path, JSON.stringify({ ...holder(), started: '1' }));
      const next = await lockDataFolder(dataDir);
      await lock.release();
      await expect(lockDataFolder(dataDir)).rejects.toThrow(DataFolderUnusable);
      await next.release();
    });

    test('of another host is void once its heartbeat has stopped', async () => {
      const lock = await lockDataFolder(dataDir);
      writeFileSync(path, JSON.stringify({ ...holder(), host: 'elsewhere' }));
      await expect(lockDataFolder(dataDir)).rejects.toThrow('on elsewhere');
      const minuteAgo = new Date(Date.now() - 60_000);
      utimesSync(path, minuteAgo, minuteAgo);
      await (await lockDataFolder(dataDir)).release();
      await lock.release();
    });
  });
});
