import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Client } from 'pg';
import { STORED_INTERVAL_MS } from '../../src/kiip-callbacks/reevaluation-worker.js';
import { consumersConfig } from '../support/consumer.js';
import { Inbox } from '../support/inbox.js';
import { kiipAppKey, momentOf } from '../support/kiip-world.js';
import { lockSignature, redemption, startKiipGateway } from '../support/kiip.js';
import type { Fields, KiipGateway } from '../support/kiip.js';
import { newProxiedDatabase } from '../support/proxied-database.js';
import type { ProxiedDatabase } from '../support/proxied-database.js';
import { waitFor } from '../support/wait-for.js';

const many = (count: number, fields: Fields = {}) => Array.from({ length: count }, () => redemption(fields));
const sendAll = (gateway: KiipGateway, callbacks: readonly Fields[]) =>
  Promise.all(callbacks.map((fields) => gateway.callback(fields)));

describe('callbacks that arrive together', () => {
  let database: ProxiedDatabase;
  let gateway: KiipGateway;
  beforeAll(async () => {
    database = await newProxiedDatabase();
    gateway = await startKiipGateway({ ...database.env, DATABASE_TIMEOUT_MS: '4000' });
  });
  afterAll(async () => {
    await gateway.close();
    await database.drop();
  });

  const statements = () => database.proxy.countWords('gateway_insert_ledger');

  it('share their statements, and each commit is that of many', async () => {
    const before = statements();
    // So slow that the others arrive meanwhile, also on a busy machine.
    database.proxy.delayMs = 100;
    const answers = await sendAll(gateway, many(200));
    database.proxy.delayMs = 0;
    expect(new Set(answers.map(({ body }) => body['status']))).toEqual(new Set(['recorded']));
    const rows = await database.query(
      'select count(*)::int as entries, (select count(*)::int from delivery_outbox) as jobs from ledger',
    );
    expect(rows).toEqual([{ entries: 200, jobs: 200 }]);
    expect(statements() - before).toBeLessThan(100);
  });

  it('do not wait for a statement that hangs', async () => {
    const operator = await database.client();
    await operator.query(`
      create function sleep_long() returns trigger language plpgsql as $$ begin
        if new.user_id = 'sleeper' then perform pg_sleep(3); end if;
        return new;
      end $$;
      create trigger sleep_long before insert on ledger for each row execute function sleep_long()`);
    let isOver = false;
    const sleeper = gateway.callback(redemption({ user_id: 'sleeper' })).finally(() => (isOver = true));
    const asleep = `select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`;
    await waitFor('a statement hangs', async () => (await operator.query(asleep)).rowCount === 1);
    for (const fields of many(5)) expect((await gateway.callback(fields)).body['status']).toBe('recorded');
    expect(isOver).toBe(false);
    expect((await sleeper).body['status']).toBe('recorded');
    await operator.query('drop trigger sleep_long on ledger; drop function sleep_long');
    await operator.end();
  });

  describe('with one among them that cannot be stored', () => {
    let operator: Client;
    beforeAll(async () => {
      operator = await database.client();
    });
    afterAll(() => operator.end());

    it('are stored without it: PostgreSQL rejects its row', async () => {
      await operator.query(`
        create function reject_poison() returns trigger language plpgsql as $$ begin
          if new.user_id = 'poison' then raise 'poison' using errcode = 'P0001'; end if;
          return new;
        end $$;
        create trigger reject_poison before insert on ledger for each row execute function reject_poison()`);
      const answers = await sendAll(gateway, [...many(9), redemption({ user_id: 'poison' }), ...many(10)]);
      await operator.query('drop trigger reject_poison on ledger; drop function reject_poison');
      expect(answers.map(({ status }) => status).filter((status) => status !== 200)).toEqual([503]);
      expect(answers[9]!.status).toBe(503);
    });

    it('are stored without it: another transaction has locked its key', async () => {
      const locked = redemption();
      await lockSignature(operator, String(locked['signature']));
      const answers = await sendAll(gateway, [...many(9), locked, ...many(10)]);
      await operator.query('rollback');
      expect(answers.map(({ status }) => status).filter((status) => status !== 200)).toEqual([503]);
      expect(answers[9]!.status).toBe(503);
      expect((await gateway.callback(locked)).body['status']).toBe('recorded');
    });
  });
});

describe('deliveries that end together', () => {
  let database: ProxiedDatabase;
  let inbox: Inbox;
  let gateway: KiipGateway;
  beforeAll(async () => {
    database = await newProxiedDatabase();
    inbox = await Inbox.open();
    const consumers = consumersConfig(inbox.url(), { concurrency: 32 });
    gateway = await startKiipGateway({ ...database.env, DELIVERY_CONSUMERS: consumers });
  });
  afterAll(async () => {
    await gateway.close();
    await inbox.close();
    await database.drop();
  });

  it('share the statements that save their results, and those that lease the next ones', async () => {
    const count = 100;
    const respond = inbox.hold();
    await sendAll(gateway, many(count));
    const statements = () =>
      ['insert into delivery_attempts', 'for update skip locked'].map((words) =>
        database.proxy.countWords(words),
      );
    const before = statements();
    database.proxy.delayMs = 20;
    respond(200);
    await waitFor('all results are saved', async () => {
      const [row] = await database.query(
        `select count(*)::int as delivered from deliveries where status = 'delivered' and attempts = 1`,
      );
      return row!['delivered'] === count;
    });
    expect(await database.query('select count(*)::int as attempts from delivery_attempts')).toEqual([
      { attempts: count },
    ]);
    for (const [index, total] of statements().entries())
      expect(total - before[index]!).toBeLessThan(count / 2);
  });
});

describe('moments that return the same reward', () => {
  const id = '5473ca54-59a5-cf65-d319-c91697297fcc';
  /** How many moments Kiip answers together. */
  let together = 1;
  const waiting: (() => void)[] = [];
  const kiip = createServer((request, response) => {
    request.resume();
    const url = `http://${request.headers.host}/reward/${id}`;
    const body = { view: { id, modal: { body_url: url }, virtual: { virtual_value: '20' } } };
    waiting.push(() => response.end(JSON.stringify(body)));
    if (waiting.length === together) for (const respond of waiting.splice(0)) respond();
  });
  let database: ProxiedDatabase;
  let gateway: KiipGateway;
  beforeAll(async () => {
    kiip.listen(0, '127.0.0.1');
    await once(kiip, 'listening');
    database = await newProxiedDatabase();
    gateway = await startKiipGateway({
      ...database.env,
      KIIP_BASE_URL: `http://127.0.0.1:${(kiip.address() as AddressInfo).port}`,
      KIIP_APP_KEY: kiipAppKey,
    });
    // Stores the user and prepares the statements.
    await sendMoment('first');
  });
  afterAll(async () => {
    await gateway.close();
    await database.drop();
    kiip.close();
  });

  const sendMoment = (momentId: string) =>
    gateway.post('/api/v1/kiip/moments', { ...momentOf('lucky'), moment: { id: momentId } });
  const sendOneByOne = async () => {
    for (let number = 0; number < 60; number += 1) await sendMoment(`moment-${number}`);
  };
  const rows = (table: string) => database.query(`select * from ${table}`);

  it('at the same time share a statement, and the first one is kept', async () => {
    const before = database.proxy.countWords('gateway_insert_rewards');
    together = 60;
    database.proxy.delayMs = 100;
    const answers = await Promise.all(
      Array.from({ length: together }, (_, number) => sendMoment(`later-${number}`)),
    );
    database.proxy.delayMs = 0;
    together = 1;
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    // One by one, they would need 60.
    expect(database.proxy.countWords('gateway_insert_rewards') - before).toBeLessThan(30);
    expect(await rows('kiip_promised_rewards')).toHaveLength(2);
    expect(await rows('kiip_rewarded_moments')).toMatchObject([{ moment_id: 'first' }]);
  });

  it('one after the other share the look-ups of their callbacks', async () => {
    const before = database.proxy.countWords('gateway_is_awaited');
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 4 }, sendOneByOne));
    // A connection that is new prepares the statement before it runs it: a few more mentions.
    const most = (performance.now() - startedAt) / STORED_INTERVAL_MS + 8;
    expect(database.proxy.countWords('gateway_is_awaited') - before).toBeLessThan(most);
  });
});
