import { readFileSync } from 'node:fs';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Database } from '../../src/database/database.js';
import * as initial from '../../src/database/migration-0001-initial.js';
import { openPostgresql } from '../../src/database/postgresql.js';
import { consumersConfig } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { startProcess } from '../support/gateway-process.js';
import { Inbox } from '../support/inbox.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import { describeWithPgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { waitFor } from '../support/wait-for.js';

/** Defaults that another program, or an operator, may have given a database, and that would change what statements mean. */
const HOSTILE = {
  client_encoding: 'LATIN1',
  datestyle: 'SQL, DMY',
  intervalstyle: 'sql_standard',
  timezone: 'Asia/Kathmandu',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  default_transaction_isolation: 'serializable',
  synchronous_commit: 'off',
  statement_timeout: '2500',
  lock_timeout: '2500',
  idle_in_transaction_session_timeout: '2500',
  idle_session_timeout: '2500',
  jit: 'on',
  enable_seqscan: 'on',
};

const name = (database: TestDatabase) => new URL(database.url).pathname.slice(1);

async function alter(database: TestDatabase, settings: Readonly<Record<string, string>>): Promise<void> {
  for (const [setting, value] of Object.entries(settings))
    await database.query(`alter database ${name(database)} set ${setting} = '${value}'`);
}

/** Why a gateway that starts with this database cannot use it, as its log says. */
async function reasonOf(url: string): Promise<unknown> {
  await using gateway = startProcess({ DATABASE_URL: url });
  const { reason, code } = await gateway.logged('database unavailable');
  return reason ?? code;
}

/** Records one callback in a new gateway. @returns the ledger */
async function record(url: string): Promise<unknown[]> {
  const gateway = await startKiipGateway({ DATABASE_URL: url });
  expect((await gateway.callback(redemption())).status).toBe(200);
  const { items } = await gateway.read('/issuances');
  await gateway.close();
  return items;
}

describe('a database with defaults that differ', () => {
  let server: TestDatabase;
  beforeAll(async () => {
    server = await newDatabase();
  }, 60_000);
  afterAll(() => server.drop());

  it('is used with the settings that the statements rely on', async () => {
    await alter(server, HOSTILE);
    const database = new Database({ server: server.url, timeoutMs: 2_999.1 });
    await database.migrate();
    const { rows } = await database.run((db) =>
      sql<{
        name: string;
        setting: string;
      }>`select lower(name) as name, current_setting(name) as setting from pg_settings
        where lower(name) = any(${[...Object.keys(HOSTILE), 'search_path'].map((key) => key.toLowerCase())})`.execute(
        db,
      ),
    );
    expect(Object.fromEntries(rows.map(({ name: key, setting }) => [key, setting]))).toEqual({
      client_encoding: 'UTF8',
      datestyle: 'ISO, YMD',
      intervalstyle: 'postgres',
      timezone: 'UTC',
      bytea_output: 'hex',
      extra_float_digits: '1',
      default_transaction_isolation: 'read committed',
      synchronous_commit: 'on',
      statement_timeout: '3s',
      // So that a lock that one row waits for leaves time for the others of its statement.
      lock_timeout: '1500ms',
      jit: 'off',
      enable_seqscan: 'off',
      idle_in_transaction_session_timeout: '3s',
      idle_session_timeout: '0',
      search_path: 'public',
    });
    await database.close();
  });

  it('records callbacks, reads the feed and delivers', async () => {
    await alter(server, HOSTILE);
    const inbox = await Inbox.open();
    const gateway = await startKiipGateway({
      ...server.env,
      DELIVERY_CONSUMERS: consumersConfig(inbox.url()),
    });
    const before = new Date().toISOString();
    const callback = redemption({ name: 'Münzen' });
    const answers = await Promise.all(Array.from({ length: 12 }, () => gateway.callback(callback)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const { items } = await gateway.read('/issuances?limit=10');
    expect(items).toEqual([expect.objectContaining({ name: 'Münzen' })]);
    expect(String(items[0]!['received_at']) >= before).toBe(true);
    await waitFor('the event is delivered', () => inbox.byId.size === 1);
    await gateway.close();
    await inbox.close();
  });
});

describe('a work', () => {
  let server: TestDatabase;
  beforeAll(async () => {
    server = await newDatabase();
    await server.query(`create sequence tries`);
    await server.query(`create function fail_twice(state text) returns bigint language plpgsql as $$
      declare try bigint := nextval('tries');
      begin
        if try < 3 then raise 'again' using errcode = state; end if;
        return try;
      end $$`);
  }, 60_000);
  beforeEach(() => server.query(`alter sequence tries restart`));
  afterAll(() => server.drop());

  it.each(['40001', '40P01'])('is repeated when the server asks for it (%s)', async (state) => {
    const database = await server.open();
    const { rows } = await database.run((db) =>
      sql<{ try: string }>`select fail_twice(${state}) as try`.execute(db),
    );
    expect(rows).toEqual([{ try: '3' }]);
    const inTransaction = await database.run((db) =>
      db.transaction().execute((transaction) => sql`select fail_twice(${state}) as try`.execute(transaction)),
    );
    expect(inTransaction.rows).toEqual([{ try: '4' }]);
    await server.query(`alter sequence tries restart`);
    const repeated = await database.run((db) =>
      db.transaction().execute((transaction) => sql`select fail_twice(${state}) as try`.execute(transaction)),
    );
    expect(repeated.rows).toEqual([{ try: '3' }]);
    expect(database.state()).toMatchObject({ state: 'up', lastFailure: null });
  });

  it('is not repeated after any other failure', async () => {
    const database = await server.open();
    await expect(database.run((db) => sql`select fail_twice('53400')`.execute(db))).rejects.toThrow(
      'storage unavailable: 53400',
    );
    expect(await server.query('select last_value from tries')).toEqual([{ last_value: '1' }]);
  });
});

describe('a database that cannot be used', () => {
  let server: TestDatabase;
  beforeAll(async () => {
    server = await newDatabase();
  }, 60_000);
  beforeEach(() => server.query('drop schema if exists public cascade; create schema public'));
  afterAll(() => server.drop());

  it('is named with the first error and a sentence, when the role has no right on the schema', async () => {
    const role = `${name(server)}_guest`;
    await server.query(`create role ${role} login password 'guest'; grant usage on schema public to ${role}`);
    const url = Object.assign(new URL(server.url), { username: role, password: 'guest' }).href;
    expect(await reasonOf(url)).toBe(
      'storage unavailable: 42501: the role lacks a privilege, such as CREATE on the schema or access to the tables',
    );
    await server.query(`revoke usage on schema public from ${role}; drop role ${role}`);
  });

  it('is named with the first error and a sentence, when it is read-only', async () => {
    await alter(server, { default_transaction_read_only: 'on' });
    expect(await reasonOf(server.url)).toBe('storage unavailable: 25006: the database is read-only');
    // In a transaction that says so, a database with this default can be written to.
    await server.query(
      `begin read write; alter database ${name(server)} reset default_transaction_read_only; commit`,
    );
  });

  it('is named when no schema of the search path exists', async () => {
    const url = `${server.url}?options=-c%20search_path%3Dnowhere`;
    expect(await reasonOf(url)).toBe(
      'storage unavailable: 3F000: no schema of the search path exists, or the role may not use it',
    );
  });

  it('is logged with the SQLSTATE of an unexpected error', async () => {
    await server.query('create table ledger (id text)');
    expect(await reasonOf(server.url)).toBe('42P07');
  });
});

describe('the schema of a gateway', () => {
  let server: TestDatabase;
  beforeAll(async () => {
    server = await newDatabase();
  }, 60_000);
  beforeEach(() => server.query('drop schema public cascade; create schema public'));
  afterAll(() => server.drop());

  const at = (schema: string) => `${server.url}?options=-c%20search_path%3D${schema}`;
  const tables = async (schema: string) =>
    (
      await server.query(`select relname from pg_class where relkind in ('r', 'v')
      and relnamespace = '${schema}'::regnamespace order by relname`)
    ).map(({ relname }) => String(relname));

  it('is its own: two gateways share a database in two schemas', async () => {
    await server.query('create schema first; create schema "Second"');
    expect(await record(at('first,public'))).toHaveLength(1);
    expect(await record(at('%22Second%22,first'))).toHaveLength(1);
    expect(await tables('first')).toEqual(await tables('"Second"'));
    expect(await tables('public')).toEqual([]);
  });

  it('may have a schema_migrations of another program, which stays as it is', async () => {
    await server.query(
      'create table schema_migrations (version bigint); insert into schema_migrations values (7)',
    );
    expect(await record(server.url)).toHaveLength(1);
    expect(await server.query('select * from schema_migrations')).toEqual([{ version: '7' }]);
  });

  it('has an own name for its migrations; the table of version 0.1 is renamed, and that version still finds it', async () => {
    expect(await record(server.url)).toHaveLength(1);
    const before = await tables('public');
    await server.query('alter table gateway_migrations rename to schema_migrations');
    expect(await record(server.url)).toHaveLength(2);
    expect(await tables('public')).toEqual([...before, 'schema_migrations'].toSorted());
    const executed = await server.query('select name from gateway_migrations order by name');
    expect(executed).toContainEqual({ name: '0001-initial' });
    expect(await server.query('select name from schema_migrations order by name')).toEqual(executed);
    expect(await record(server.url)).toHaveLength(3);
  });
});

describe('a large database of version 0.1', () => {
  it('is migrated without making an index on a table of that version, once the indexes of the runbook exist', async () => {
    const server = await newDatabase();
    await server.query('drop schema public cascade; create schema public');
    const options = { databaseUrl: server.url, timeoutMs: 30_000, poolSize: 1 };
    const db = await openPostgresql(options);
    await initial.up(db as unknown as Kysely<unknown>);
    await db.destroy();
    await server.query(
      "create table schema_migrations (name, timestamp) as values ('0001-initial'::text, now()::text)",
    );
    const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
    for (const statement of runbook.match(/^create index concurrently .*;$/gm)!)
      await server.query(statement);
    const tables = await server.query(
      "select oid from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
    );
    const indexes = () =>
      server.query(
        `select indexrelid::regclass::text as name, pg_relation_filenode(indexrelid) as file from pg_index
         where indrelid in (${tables.map(({ oid }) => String(oid)).join()}) and indrelid <> 'rejected_callbacks'::regclass`,
      );
    const before = await indexes();
    await record(server.url);
    // No entry of that version waits for a promise.
    const after = (await indexes()).filter(({ name }) => name !== 'ledger_transaction_id_awaiting_idx');
    expect(after.length).toBeLessThan(before.length);
    expect(before).toEqual(expect.arrayContaining(after));
    await server.drop();
  });
});

describeWithPgBouncer('a database behind PgBouncer', () => {
  let server: TestDatabase;
  beforeEach(async () => {
    server = await newDatabase();
  }, 60_000);
  afterEach(() => server.drop());

  it.each(['session', 'transaction'] as const)('is used when it pools %ss', async (mode) => {
    await using pooler = await startPgBouncer(server.url, mode);
    await server.query('drop schema public cascade; create schema public');
    await alter(server, { datestyle: 'SQL, DMY', timezone: 'Asia/Kathmandu' });
    const inbox = await Inbox.open();
    const gateway = await startKiipGateway({
      DATABASE_URL: pooler.url(name(server)),
      DELIVERY_CONSUMERS: consumersConfig(inbox.url()),
    });
    const before = new Date().toISOString();
    const callbacks = Array.from({ length: 40 }, () => redemption());
    const answers = await Promise.all(callbacks.map((callback) => gateway.callback(callback)));
    expect(answers.map(({ body }) => body['status'])).toEqual(callbacks.map(() => 'recorded'));
    const { items } = await gateway.read('/issuances');
    expect(items).toHaveLength(callbacks.length);
    for (const item of items) expect(String(item['received_at']) >= before).toBe(true);
    await waitFor('the events are delivered', () => inbox.byId.size === callbacks.length);
    await gateway.close();
    await inbox.close();
  });

  it.each([
    [{ synchronous_commit: 'off' }, '', /behind a connection pooler, synchronous_commit must be on/],
    [{}, '?options=-c%20search_path%3Dother', /a connection pooler may drop the "options" of DATABASE_URL/],
  ])(
    'is refused, with the reason, when %j and %j would be without effect',
    async (settings, query, reason) => {
      await using pooler = await startPgBouncer(server.url, 'transaction');
      await alter(server, settings);
      await using gateway = startProcess({ DATABASE_URL: pooler.url(name(server)) + query });
      expect((await gateway.logged('database unavailable'))['reason']).toMatch(reason);
    },
  );

  it('is used with a warning when the role has no time limit', async () => {
    await using pooler = await startPgBouncer(server.url, 'transaction');
    await using gateway = startProcess({ DATABASE_URL: pooler.url(name(server)) });
    const warning = await gateway.logged(
      'connection pooler: set these for the role, unless it pools sessions',
    );
    expect(warning['variable']).toBe('statement_timeout');
    await gateway.logged('database ready');
  });
});
