import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer } from '../../src/config/parsers.js';
import { acquireLeases, fanOutOutbox, saveAttempts } from '../../src/delivery/delivery.queries.js';
import { countUnfinished } from '../support/reconciliation.js';
import { CallbackSender } from '../support/callback-sender.js';
import { consumersConfig, CONSUMER_SECRET } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { startGateway } from '../support/gateway.js';
import { Inbox } from '../support/inbox.js';
import { redemption } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

describe('ordered delivery by two replicas', () => {
  let database: TestDatabase;
  let inbox: Inbox;

  beforeAll(async () => {
    database = await newDatabase();
    inbox = await Inbox.open();
  }, 120_000);
  afterAll(async () => {
    await inbox.close();
    await database.drop();
  });

  const insert = (number: number, user = 'orderly') =>
    database.query(`with row as (
         insert into ledger (id, kind, status, is_test, transaction_id, content, quantity, quantity_text, user_id, received_at,
           signature, signed_text, signed_text_hash, fields_hash, transaction_hash, signature_scheme, secret_index)
         values ('iss_order_${number}', 'issuance', 'recorded', false, '', '', 1, '1', '${user}', now(), '${number}', '${number}',
           'order-${number}', 'order-${number}', 'order-${number}', '', 1) returning id)
       insert into delivery_outbox (ledger_id) select id from row`);
  const consumer = (): Consumer => ({
    name: 'orderly',
    url: inbox.url(),
    secrets: [CONSUMER_SECRET],
    events: ['kiip.currency.issued'],
    concurrency: 8,
    order_by: 'user_id',
  });

  const start = (name: string) =>
    startGateway({
      ...database.env,
      DATABASE_TIMEOUT_MS: '20000',
      DELIVERY_CONSUMERS: consumersConfig(inbox.url(name), { order_by: 'user_id' }),
    });

  test('sends the events of each user one at a time in the order of acceptance, with the users shared between both replicas', async () => {
    const replicas = [await start('one'), await start('two')];
    const origins = replicas.map(({ url }) => url);
    const sender = new CallbackSender(8);
    const inFlight = new Map<string, number>();
    const overlaps: string[] = [];
    inbox.respond = async ({ event }) => {
      const user = String(event.data['user_id']);
      if (inFlight.has(user)) overlaps.push(user);
      inFlight.set(user, 1);
      await sleep(Math.random() * 20);
      inFlight.delete(user);
      return 200;
    };
    const users = Array.from({ length: 8 }, (_, index) => `user-${index}`);
    const accepted = new Map<string, string[]>();
    await Promise.all(
      users.map(async (user_id) => {
        const ids: string[] = [];
        accepted.set(user_id, ids);
        for (let number = 0; number < 25; number += 1) {
          const { id } = await sender.callback(origins[number % 2]!, redemption({ user_id }));
          ids.push(id!);
        }
      }),
    );
    await waitFor('all is delivered', async () => (await countUnfinished(database)) === 0, 60);
    await sender.close();
    for (const replica of replicas) await replica.close();
    const received = Map.groupBy(inbox.receipts, ({ event }) => String(event.data['user_id']));
    for (const user of users) expect(received.get(user)!.map(({ id }) => id)).toEqual(accepted.get(user));
    expect(overlaps).toEqual([]);
    expect(new Set(inbox.receipts.map((receipt) => receipt.sender))).toEqual(new Set(['one', 'two']));
  }, 180_000);

  test('moves entries from the outbox in one replica at a time; the other returns at once and moves the rest later', async () => {
    const [first, second] = [await database.open(), await database.open()];
    const consumers = [consumer()];
    await insert(1);
    const gate = Promise.withResolvers<void>();
    const moved = Promise.withResolvers<number>();
    const holding = first.run((db) =>
      db.transaction().execute(async (transaction) => {
        moved.resolve(await fanOutOutbox(transaction, consumers, 100));
        await gate.promise;
      }),
    );
    expect(await moved.promise).toBe(1);
    await insert(2);
    expect(await second.run((db) => fanOutOutbox(db, consumers, 100))).toBe(0);
    gate.resolve();
    await holding;
    expect(await second.run((db) => fanOutOutbox(db, consumers, 100))).toBe(1);
    const due = await database.query(
      `select ledger_id, next_attempt_at <= now() as now from deliveries where consumer = 'orderly' order by id`,
    );
    // The second delivery becomes due when the first ends, or a minute later.
    expect(due).toEqual([
      { ledger_id: 'iss_order_1', now: true },
      { ledger_id: 'iss_order_2', now: false },
    ]);
  });

  test('sends a delivery at once when the one before it ends while it is created', async () => {
    const [first, second] = [await database.open(), await database.open()];
    const consumers = [consumer()];
    await insert(3, 'racer');
    await first.run((db) => fanOutOutbox(db, consumers, 100));
    const leased = await first.run((db) => acquireLeases(db, consumers[0]!, 100, 60_000));
    const delivery = leased.find(({ ledgerId }) => ledgerId === 'iss_order_3')!;
    await insert(4, 'racer');
    const gate = Promise.withResolvers<void>();
    const saved = Promise.withResolvers<boolean[]>();
    const result = {
      durationMs: 1,
      status: 200,
      outcome: 'response',
      next: 'delivered',
      resetSchedule: false,
    } as const;
    const saving = first.run((db) =>
      db.transaction().execute(async (transaction) => {
        saved.resolve(await saveAttempts(transaction, [{ delivery, result }]));
        await gate.promise;
      }),
    );
    expect(await saved.promise).toEqual([true]);
    const moving = second.run((db) => fanOutOutbox(db, consumers, 100));
    await waitFor('the new delivery waits for the result', async () => {
      const [row] = await database.query(
        `select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return row!['waiting'] === 1;
    });
    gate.resolve();
    await saving;
    expect(await moving).toBe(1);
    const due = await database.query(
      `select next_attempt_at <= now() as now from deliveries where ledger_id = 'iss_order_4' and consumer = 'orderly'`,
    );
    expect(due).toEqual([{ now: true }]);
  });
});
