import type { Client } from 'pg';
import { Database } from '../../src/database/database.js';
import { StorageUnavailableError } from '../../src/database/storage-error.js';
import { CallbackSender } from '../support/callback-sender.js';
import type { CallbackResponse } from '../support/callback-sender.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { credentials, startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import { issuance, redemption } from '../support/kiip.js';
import type { Fields } from '../support/kiip.js';
import { PostgresServer } from '../support/postgres.js';
import { problemIn } from '../support/problem.js';
import { waitFor } from '../support/wait-for.js';

/** Much longer than a statement takes on a busy machine, and short enough for a test to wait for. */
const TIMEOUT_MS = 1_000;
/** The tests assert that a callback is answered, not how fast the machine is. */
const BOUND_MS = 15_000;

describe('when PostgreSQL fails, a gateway that runs', () => {
  let server: PostgresServer;
  let proxy: FaultProxy;
  let gateway: Gateway;
  let origin: string;
  const sender = new CallbackSender(40, BOUND_MS);

  const DATABASE_TIMEOUT_MS = String(TIMEOUT_MS);
  const send = (fields: Fields = redemption()) => sender.callback(origin, fields);
  const probe = async (path: string, of = origin) => (await fetch(`${of}/health/${path}`)).status;

  beforeAll(async () => {
    server = await PostgresServer.create();
    await server.query('postgres', 'create database gateway');
    proxy = await FaultProxy.to(server.port);
    gateway = await startGateway({ DATABASE_URL: server.url('gateway', proxy.port), DATABASE_TIMEOUT_MS });
    origin = gateway.url;
  }, 120_000);
  afterAll(async () => {
    await sender.close();
    await gateway.close();
    await proxy.close();
    await server.destroy();
  });
  const refusesAll = async () => {
    const genuine = [redemption(), issuance(), issuance({ nonce: 'n-0002' })];
    const forged = redemption({ signature: '0'.repeat(40) });
    for (const answer of await Promise.all([...genuine, forged].map(send))) unavailable(answer);
    // An invalid callback needs no database, and readiness stays as it is.
    expect((await sender.post(origin, '{')).status).toBe(400);
    expect([await probe('ready'), await probe('startup'), await probe('live')]).toEqual([200, 200, 200]);
    return genuine;
  };

  /** Without a restart, rejected and new callbacks are recorded, and forged callbacks are answered 401 again. */
  const recovers = async (refused: readonly Fields[] = []): Promise<boolean> => {
    const again: CallbackResponse[] = [];
    for (const fields of refused) {
      await waitFor('it is acknowledged', async () => {
        const answer = await send(fields);
        if (answer.status === 200) again.push(answer);
        else unavailable(answer);
        return answer.status === 200;
      });
    }
    expect(again.every(({ outcome }) => outcome === 'recorded' || outcome === 'duplicate')).toBe(true);
    const fields = redemption();
    await waitFor('a new one is recorded', async () => {
      const { outcome } = await send(fields);
      return outcome === 'recorded' || outcome === 'duplicate';
    });
    // They are stored over other connections, which may still be those of before.
    await waitFor('a forged one is rejected', async () => {
      const answer = await send(redemption({ signature: '0'.repeat(40) }));
      return answer.status === 401;
    });
    await haveRows(again);
    return true;
  };

  /** Checks on the server itself that every acknowledged callback has its entry. */
  const haveRows = async (answers: readonly CallbackResponse[]) => {
    const rows = await server.query('gateway', 'select id, status from ledger');
    const stored = new Set(rows.map(({ id }) => id));
    expect(answers.map(({ id }) => id).filter((id) => !stored.has(id))).toEqual([]);
    const jobs = await server.query(
      'gateway',
      `select l.id from ledger l left join delivery_outbox o on o.ledger_id = l.id where l.status = 'recorded' and o.ledger_id is null`,
    );
    expect(jobs).toEqual([]);
  };

  /** Sends 20 callbacks at a time until it is stopped. Each is answered 200 or 503 in time. */
  const stream = () => {
    const acknowledged: { fields: Fields; answer: CallbackResponse }[] = [];
    const refused: Fields[] = [];
    const stop = new AbortController();
    const loops = Array.from({ length: 20 }, async () => {
      while (!stop.signal.aborted) {
        const fields = redemption();
        const answer = await send(fields);
        if (answer.status === 200) acknowledged.push({ fields, answer });
        else {
          unavailable(answer);
          refused.push(fields);
        }
      }
    });
    return {
      acknowledged,
      refused,
      async finish() {
        stop.abort();
        await Promise.all(loops);
        return acknowledged.map(({ answer }) => answer);
      },
    };
  };

  /** Sends callbacks before, during and after a fault. */
  const endures = async (breaks: () => Promise<void>, mends: () => Promise<void>): Promise<boolean> => {
    const traffic = stream();
    await waitFor('callbacks flow', () => traffic.acknowledged.length > 40);
    await breaks();
    await waitFor('callbacks are refused', () => traffic.refused.length > 20);
    await mends();
    const before = traffic.acknowledged.length;
    await waitFor('callbacks flow again', () => traffic.acknowledged.length > before + 40);
    const answers = await traffic.finish();
    expect(new Set(answers.map(({ outcome }) => outcome))).toEqual(new Set(['recorded']));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(answers.length);
    await haveRows(answers);
    return recovers(traffic.refused.slice(0, 10));
  };

  const throwOut = () =>
    server.query(
      'postgres',
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'gateway' and pid <> pg_backend_pid()`,
    );

  /** The database in the health report. */
  const dependency = async () => {
    const view = (await (await fetch(`${origin}/health/dependencies`)).json()) as Record<
      'checks' | 'details',
      { database: { state: string; last_failure: { at: string; reason: string } | null } } | undefined
    >;
    return (view.checks ?? view.details)!.database;
  };
  /** The log lines about the database. */
  const logged = () =>
    gateway.log
      .filter(({ context, level }) => context === 'Database' && level !== 'debug')
      .map(({ level, msg, reason }) => [level, msg, reason]);

  test('answers 503 while PostgreSQL is stopped, and recovers when it starts; both are logged once', async () => {
    const reason = expect.stringMatching(/^storage unavailable: \S/);
    expect(await dependency()).toMatchObject({ state: 'up' });
    const { length } = logged();

    for (let round = 0; round < 2; round += 1) {
      await server.stop();
      const refused = await refusesAll();
      const feed = await fetch(`${origin}/api/v1/kiip/issuances`, { headers: credentials });
      expect(feed.status).toBe(503);
      expect(await dependency()).toMatchObject({
        state: 'down',
        last_failure: { at: expect.stringMatching(/^\d{4}-.*Z$/), reason },
      });
      await server.start();
      await recovers(refused);
      expect(await dependency()).toMatchObject({ state: 'up', last_failure: { reason } });
    }
    const outage = [
      ['warn', 'database unavailable', reason],
      ['info', 'database reconnected', undefined],
    ];
    // A line may be logged after the response.
    await waitFor('everything is logged', () => logged().length >= length + 4);
    expect(logged().slice(length)).toEqual([...outage, ...outage]);
  });

  test('acknowledges only stored callbacks when PostgreSQL stops under load', async () => {
    const survived = endures(
      () => server.stop(),
      () => server.start(),
    );
    expect(await survived).toBe(true);
  });

  test('acknowledges only stored callbacks when PostgreSQL crashes under load', async () => {
    const survived = endures(
      () => server.stop('SIGQUIT'),
      () => server.start(),
    );
    expect(await survived).toBe(true);
  });

  test('answers callbacks 503 while PostgreSQL is read-only, and serves reads', async () => {
    const { id } = await send();
    await sender.ledger(origin);
    await server.query('postgres', 'alter database gateway set default_transaction_read_only = on');
    await throwOut();
    await waitFor('new connections are read-only', async () => (await send()).status === 503);
    const refused = await refusesAll();
    expect((await sender.ledger(origin)).map((row) => row.id)).toContain(id);
    await server.query('postgres', 'alter database gateway reset default_transaction_read_only');
    await recovers(refused);
  });

  test('answers 503 while PostgreSQL has no free connection', async () => {
    const first = await server.client('gateway');
    const hogs: Client[] = [first];
    const fill = async () => {
      for (;;) hogs.push(await server.client('gateway'));
    };
    // The gateway connects by itself, in the background: again, until it has no connection.
    const throwOutGateway = async () => {
      const { rowCount } = await first.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rewards-gateway'`,
      );
      return rowCount ?? 0;
    };
    while ((await throwOutGateway()) > 0) await expect(fill()).rejects.toMatchObject({ code: '53300' });
    const latecomer = new Database({ server: server.url('gateway'), timeoutMs: TIMEOUT_MS });
    await expect(latecomer.migrate()).rejects.toThrow(StorageUnavailableError);
    const refused = await refusesAll();
    await Promise.all(hogs.map((hog) => hog.end()));
    await recovers(refused);
    await latecomer.migrate();
    await latecomer.close();
  });

  test('answers within its time limit while PostgreSQL is paused', async () => {
    const traffic = stream();
    await waitFor('callbacks flow', () => traffic.acknowledged.length > 40);
    server.pause();
    const latecomer = new Database({ server: server.url('gateway'), timeoutMs: TIMEOUT_MS });
    const [refused] = await Promise.all([
      refusesAll(),
      expect(latecomer.migrate()).rejects.toThrow(StorageUnavailableError),
    ]).finally(() => server.resume());
    await latecomer.migrate();
    await latecomer.close();
    const answers = await traffic.finish();
    await haveRows(answers);
    expect(await recovers([...refused, ...traffic.refused.slice(0, 10)])).toBe(true);
  });

  test.each([
    ['before the commit: the next try is recorded', 'before', 'recorded'],
    ['after the commit, before the answer: the next try is a duplicate', 'after', 'duplicate'],
  ] as const)('refuses when the connection is reset %s', async (_, when, next) => {
    const fields = issuance();
    const cuts = proxy.resets;
    proxy.resetOn('gateway_insert_ledger', when);
    unavailable(await send(fields));
    proxy.stopResets();
    expect(proxy.resets).toBe(cuts + 1);
    const answer = await send(fields);
    expect([answer.status, answer.outcome]).toEqual([200, next]);
    expect((await send(fields)).id).toBe(answer.id);
    await haveRows([answer]);
  });

  test('acknowledges only stored callbacks when connections are reset at the commit under load', async () => {
    const traffic = stream();
    for (const when of ['before', 'after'] as const) {
      const { length } = traffic.refused;
      await waitFor('callbacks flow', () => traffic.acknowledged.length > 20);
      proxy.resetOn('gateway_insert_ledger', when);
      await waitFor('callbacks are refused', () => traffic.refused.length > length + 20);
      proxy.stopResets();
    }
    const answers = await traffic.finish();
    await recovers(traffic.refused);
    await haveRows(answers);
    const rows = await server.query(
      'gateway',
      'select transaction_id from ledger group by transaction_id having count(*) > 1',
    );
    expect(rows).toEqual([]);
  });

  test('answers 503 while the tables are missing', async () => {
    await server.query('gateway', 'alter table ledger rename to elsewhere');
    unavailable(await send());
    await server.query('gateway', 'alter table elsewhere rename to ledger');
    expect(await recovers()).toBe(true);
  });

  test('starts without PostgreSQL, and becomes ready when it and its database are there', async () => {
    await server.stop();
    await using early = startProcess({ DATABASE_URL: server.url('later'), DATABASE_TIMEOUT_MS });
    const url = await early.url();
    const expectNotReady = async () => {
      for (const path of ['startup', 'ready']) expect(await probe(path, url)).toBe(503);
      expect(await probe('live', url)).toBe(200);
      unavailable(await sender.callback(url, redemption()));
      unavailable(await sender.callback(url, redemption({ signature: '0'.repeat(40) })));
    };
    await expectNotReady();
    await server.start();
    await recovers();
    await expectNotReady();
    await server.query('postgres', 'create database later');
    for (const path of ['startup', 'ready'])
      await waitFor(`${path} is 200`, async () => (await probe(path, url)) === 200);
    expect(await sender.callback(url, redemption())).toMatchObject({ status: 200, outcome: 'recorded' });
    // A later outage does not change readiness.
    await server.stop();
    unavailable(await sender.callback(url, redemption()));
    expect([await probe('ready', url), await probe('startup', url)]).toEqual([200, 200]);
    await server.start();
    await recovers();
  });

  test('logs no error during all of these failures', () => {
    expect(gateway.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  });
});

/** Nothing was acknowledged; and when to come again. */
function unavailable(answer: CallbackResponse): void {
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  expect(problemIn(answer)).toMatchObject({
    type: 'urn:rewards-gateway:problem:storage-unavailable',
    retryable: true,
    retry_after_seconds: 1,
  });
}
