import type { Client } from 'pg';
import { Database } from '../../src/database/database.js';
import { StorageUnavailableError } from '../../src/database/storage-error.js';
import { LedgerService } from '../../src/ledger/ledger.service.js';
import { issuance } from '../support/callback-facts.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor } from '../support/wait-for.js';

const recorded = { status: 'recorded' } as const;
const TIMEOUT_MS = 1_000;
/** Much longer than the time limit: the tests assert that a call ends, not how fast the machine is. */
const BOUND_MS = 10_000;

const refused = async (work: Promise<unknown>) => {
  const started = performance.now();
  await expect(work).rejects.toThrow(StorageUnavailableError);
  expect(performance.now() - started).toBeLessThan(BOUND_MS);
};

describe('when PostgreSQL fails', () => {
  let server: PostgresServer;
  let database: Database;
  let ledger: LedgerService;
  let count = 0;
  const fresh = () => issuance({ nonce: `n-${(count += 1)}` });

  beforeAll(async () => {
    server = await PostgresServer.create();
  }, 60_000);
  beforeEach(async () => {
    await server.query('postgres', 'drop database if exists gateway with (force)');
    await server.query('postgres', 'create database gateway');
    database = new Database({ server: server.url('gateway'), timeoutMs: TIMEOUT_MS });
    await database.migrate();
    ledger = new LedgerService(database);
    await ledger.record(fresh(), recorded);
  });
  afterEach(() => database.close());
  afterAll(() => server.destroy());

  /** The same objects work again without a restart, and every acknowledged callback is stored. */
  const recovers = async (acknowledged: string[] = []) => {
    let id = '';
    await waitFor('a callback is stored again', async () => {
      ({ id } = await ledger.record(fresh(), recorded));
      return true;
    });
    expect(database.state()).toMatchObject({ state: 'up', lastSuccessAt: expect.any(Date) });
    for (const each of [...acknowledged, id])
      expect(await ledger.find(each)).toMatchObject({ status: 'recorded' });
  };

  test('a stopped server acknowledges nothing, and everything works after its start', async () => {
    const { id } = await ledger.record(fresh(), recorded);
    await server.stop();
    for (let attempt = 0; attempt < 3; attempt += 1) await refused(ledger.record(fresh(), recorded));
    await refused(ledger.find(id));
    await refused(ledger.list({ limit: 1 }));
    await refused(database.ping());
    expect(database.state().state).toBe('down');
    await server.start();
    await recovers([id]);
  });

  test('a crash under load keeps every acknowledged callback, once', async () => {
    const acknowledged: string[] = [];
    const refusals: unknown[] = [];
    let stopped = false;
    const senders = Array.from({ length: 20 }, async () => {
      while (!stopped) {
        try {
          acknowledged.push((await ledger.record(fresh(), recorded)).id);
        } catch (error) {
          refusals.push(error);
          stopped = true;
        }
      }
    });
    await waitFor('enough is acknowledged', () => acknowledged.length > 200);
    await server.stop('SIGQUIT');
    await Promise.all(senders);
    expect(refusals.every((error) => error instanceof StorageUnavailableError)).toBe(true);
    await server.start();
    await recovers(acknowledged);
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
  });

  test('a call to a paused server ends at its time limit, and everything works when it resumes', async () => {
    server.pause();
    const stranger = new Database({ server: server.url('gateway'), timeoutMs: TIMEOUT_MS });
    await Promise.all([
      ...Array.from({ length: 40 }, () => refused(ledger.record(fresh(), recorded))),
      refused(stranger.migrate()),
    ]);
    await refused(ledger.list({ limit: 1 }));
    expect(database.state().state).toBe('down');
    server.resume();
    await recovers();
    await waitFor('the stranger finds it', async () => {
      await stranger.migrate();
      return true;
    });
    await stranger.close();
  });

  test('a callback whose response was lost in a pause is a duplicate when it is sent again', async () => {
    const facts = fresh();
    server.pause();
    await refused(ledger.record(facts, recorded));
    server.resume();
    await recovers();
    const { id } = await ledger.record(facts, recorded);
    expect(await ledger.record(facts, recorded)).toEqual({ outcome: 'duplicate', id });
  });

  test('a read-only server acknowledges nothing and serves reads, and everything works when it is writable', async () => {
    const { id } = await ledger.record(fresh(), recorded);
    await ledger.list({ limit: 1 });
    await server.query('postgres', 'alter database gateway set default_transaction_read_only = on');
    await server.query(
      'postgres',
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'gateway'`,
    );
    await waitFor('the ledger can be read', async () => (await ledger.find(id)) !== undefined);
    await refused(ledger.record(fresh(), recorded));
    expect(await ledger.list({ limit: 500 })).toMatchObject({ items: [{}, { id }] });
    await server.query('postgres', 'alter database gateway reset default_transaction_read_only');
    await recovers([id]);
  });

  test('a server without free connections acknowledges nothing, and everything works when there are some', async () => {
    await server.query(
      'postgres',
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'gateway'`,
    );
    const hogs: Client[] = [];
    await expect(
      (async () => {
        for (;;) hogs.push(await server.client('gateway'));
      })(),
    ).rejects.toMatchObject({ code: '53300' });
    const latecomer = new Database({
      server: server.url('gateway'),
      timeoutMs: TIMEOUT_MS,
    });
    await refused(latecomer.migrate());
    await refused(ledger.record(fresh(), recorded));
    await Promise.all(hogs.map((hog) => hog.end()));
    await recovers();
    await waitFor('the latecomer is let in', async () => {
      await latecomer.migrate();
      return true;
    });
    await latecomer.close();
  });

  test('a statement that waits for a lock ends at its time limit, and its connection is used again', async () => {
    const locker = await server.client('gateway');
    const connections = () =>
      server.query('postgres', `select pid from pg_stat_activity where application_name = 'rewards-gateway'`);
    const before = await connections();
    await locker.query('begin');
    await locker.query('lock table ledger in access exclusive mode');
    await refused(ledger.record(fresh(), recorded));
    expect(await connections()).toEqual(before);
    await locker.query('rollback');
    await locker.end();
    await recovers();
  });

  test('missing tables acknowledge nothing, and an error in a statement stays that error', async () => {
    await server.query('gateway', 'alter table ledger rename to elsewhere');
    await refused(ledger.record(fresh(), recorded));
    await server.query('gateway', 'alter table elsewhere rename to ledger');
    await expect(
      database.run((db) =>
        db
          .selectFrom('ledger')
          .select('nothing' as 'id')
          .execute(),
      ),
    ).rejects.toThrow(expect.objectContaining({ code: '42703' }));
    await recovers();
  });

  describe('a server whose connection is reset', () => {
    let proxy: FaultProxy;
    let proxied: Database;
    beforeEach(async () => {
      proxy = await FaultProxy.to(server.port);
      proxied = new Database({
        server: server.url('gateway', proxy.port),
        timeoutMs: TIMEOUT_MS,
      });
    });
    afterEach(async () => {
      await proxied.close();
      await proxy.close();
    });

    test.each([
      ['before the commit: the next try is recorded', 'before', 'recorded'],
      ['after the commit, before the answer: the next try is a duplicate', 'after', 'duplicate'],
    ] as const)('%s', async (_case, when, next) => {
      await proxied.migrate();
      const through = new LedgerService(proxied);
      const facts = fresh();
      await through.record(fresh(), recorded);
      proxy.resetOn('insert into "ledger"', when);
      await refused(through.record(facts, recorded));
      proxy.stopResets();
      expect(proxy.resets).toBe(1);
      const { outcome, id } = await through.record(facts, recorded);
      expect(outcome).toBe(next);
      const rows = await server.query(
        'gateway',
        `select ledger_id from delivery_outbox where ledger_id = '${id}'`,
      );
      expect(rows).toHaveLength(1);
    });

    test.each(['before', 'after'] as const)(
      '%s the COMMIT of a migration: the next try succeeds',
      async (when) => {
        await server.query('gateway', 'drop schema public cascade');
        await server.query('gateway', 'create schema public');
        proxy.resetOn('commit', when);
        await refused(proxied.migrate());
        proxy.stopResets();
        expect(proxy.resets).toBe(1);
        await proxied.migrate();
        await new LedgerService(proxied).record(fresh(), recorded);
      },
    );
  });
});
