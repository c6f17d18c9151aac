import { setTimeout as sleep } from 'node:timers/promises';
import { allDelivered, booksOf, deliveryOn, unfinishedOn } from '../support/reconciliation.js';
import { CallbackSender, isAccepted } from '../support/callback-sender.js';
import { consumersConfig } from '../support/consumer.js';
import { ResetProxy } from '../support/reset-proxy.js';
import { startProcess } from '../support/gateway-process.js';
import type { GatewayProcess } from '../support/gateway-process.js';
import { Inbox } from '../support/inbox.js';
import { redemption } from '../support/kiip.js';
import { PatientKiip } from '../support/retrying-kiip-client.js';
import { findPostgres, PostgresServer } from '../support/postgres.js';
import { until } from '../support/wait-for.js';

const bin = findPostgres();
const onPostgres = bin === undefined ? describe.skip : describe;
/** Far more than a statement takes; a claim lasts 20 s and twice this. */
const TIMEOUT_MS = 1_000;
/** The whole of a slow machine's patience, and never a measure. */
const LIMIT_MS = 180_000;
const PATIENCE_SECONDS = 90;

onPostgres('when PostgreSQL fails, a gateway that delivers', () => {
  let server: PostgresServer;
  let proxy: ResetProxy;
  let inbox: Inbox;
  let gateway: GatewayProcess;
  let origin: string;
  const sender = new CallbackSender(4);

  beforeAll(async () => {
    server = await PostgresServer.create(bin ?? '');
    proxy = await ResetProxy.to(server.port);
    inbox = await Inbox.open();
    gateway = startProcess({
      DATABASE_URL: server.url('postgres', proxy.port),
      DATABASE_TIMEOUT_MS: String(TIMEOUT_MS),
      DELIVERY_CONSUMERS: consumersConfig(inbox.url()),
      LOG_LEVEL: 'info',
    });
    origin = await gateway.url();
    await gateway.logged('database ready');
  }, 120_000);
  afterAll(async () => {
    await sender.close();
    await gateway[Symbol.asyncDispose]();
    await inbox.close();
    await proxy.close();
    await server.destroy();
  });
  beforeEach(() => {
    inbox.receipts.length = 0;
    inbox.respond = () => 200;
  });

  const record = async (): Promise<string> => {
    const { outcome, id } = await sender.callback(origin, redemption());
    expect(outcome).toBe('recorded');
    return id!;
  };
  const deliveryOf = (id: string) => deliveryOn(server, id);
  /** What the consumer and the tables know of an event, once that is delivered. */
  const storyOf = async (id: string) => {
    const delivered = async () => (await deliveryOf(id))?.['status'] === 'delivered';
    await until('it is delivered', delivered, PATIENCE_SECONDS);
    const { attempts, claim } = (await deliveryOf(id))!;
    const log = await server.query(
      'postgres',
      `select a.status from delivery_attempts a
      join deliveries d on d.id = a.delivery_id where d.ledger_id = '${id}'`,
    );
    return { heard: inbox.receipts.map((receipt) => receipt.id), attempts, claim, log };
  };

  test.each([
    ['it is stopped and started', () => server.stop(), () => server.start()],
    ['it crashes and is started', () => server.stop('SIGQUIT'), () => server.start()],
    ['it is paused and resumed', async () => server.pause(), async () => server.resume()],
  ])(
    'loses no event and no mark when %s',
    async (name, breaks, mends) => {
      inbox.respond = async () => {
        await sleep(Math.random() * 30);
        return 200;
      };
      const kiip = new PatientKiip([origin], { inFlight: 4, pauseMs: 40 });
      await until('events flow', () => inbox.receipts.length > 100);
      await breaks();
      await until(
        'callbacks are refused',
        async () => (await sender.callback(origin, redemption())).status === 503,
      );
      const before = inbox.receipts.length;
      await mends();
      await until('events flow again', () => inbox.receipts.length > before + 100, PATIENCE_SECONDS);
      await kiip.finish();
      await until('all is delivered', async () => (await unfinishedOn(server)) === 0, PATIENCE_SECONDS);

      const rows = (await sender.ledger(origin)).filter(isAccepted).map(({ id }) => id);
      const heard = inbox.receipts.map(({ id }) => id);
      const acknowledged = [...kiip.acknowledged.values()].map(([first]) => first!.id);
      expect(acknowledged.filter((id) => !heard.includes(id))).toEqual([]);
      expect(heard.filter((id) => !rows.includes(id))).toEqual([]);
      // What the consumer took while nobody could write it down is not sent again: the claims have outlasted it.
      expect(heard).toHaveLength(new Set(heard).size);
      expect(await server.query('postgres', 'select * from deliveries where attempts <> 1')).toEqual([]);
      expect(await booksOf(origin)).toMatchObject(allDelivered(rows.length));
      console.info(`${name}: ${heard.length} events`);
    },
    LIMIT_MS,
  );

  test('keeps the mark of what the consumer takes while it is away', async () => {
    const answer = inbox.hold();
    const id = await record();
    await until('it is sent', () => inbox.receipts.length === 1);
    await server.stop();
    const answered = inbox.nextResponse();
    answer(200);
    await answered;
    await server.start();
    expect(await storyOf(id)).toEqual(deliveredOnce(id));
  });

  test.each(['before', 'after'] as const)(
    'keeps the mark when the connection is reset %s it is written',
    async (when) => {
      const { resets: cuts } = proxy;
      proxy.arm('with settled as', when);
      const id = await record();
      await until('marks are cut off', () => proxy.resets >= cuts + 2);
      proxy.disarm();
      expect(await storyOf(id)).toEqual(deliveredOnce(id));
    },
  );

  test(
    'sends an event whose claim it never heard of, once the claim has lapsed',
    async () => {
      proxy.arm('with due as', 'after');
      const id = await record();
      await until('it is claimed', async () => Boolean((await deliveryOf(id))?.['claim']));
      proxy.disarm();
      expect(inbox.receipts).toEqual([]);
      expect(await storyOf(id)).toEqual(deliveredOnce(id));
    },
    LIMIT_MS,
  );

  test('sends an event once, of which it never heard that it has left the outbox', async () => {
    proxy.arm('with turn as', 'after');
    const id = await record();
    await until('it has left the outbox', async () => (await deliveryOf(id)) !== undefined);
    proxy.disarm();
    expect(await storyOf(id)).toEqual(deliveredOnce(id));
  });

  test('has gone through all of it as one process, which met nothing unexpected', () => {
    const serious = gateway.log().filter(({ level }) => level === 'error' || level === 'fatal');
    expect([serious, gateway.errors()]).toEqual([[], '']);
    expect(gateway.log().filter(({ msg }) => msg === 'listening')).toHaveLength(1);
  });
});

const deliveredOnce = (id: string) => ({ heard: [id], attempts: 1, claim: null, log: [{ status: 200 }] });
