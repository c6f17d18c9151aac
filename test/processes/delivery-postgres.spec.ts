import { setTimeout as sleep } from 'node:timers/promises';
import {
  allDelivered,
  readTotals,
  findDelivery,
  countUnfinished,
  expireLostLeases,
} from '../support/reconciliation.js';
import { CallbackSender, isAccepted } from '../support/callback-sender.js';
import { consumersConfig } from '../support/consumer.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { Inbox } from '../support/inbox.js';
import { redemption } from '../support/kiip.js';
import { RetryingKiipClient } from '../support/retrying-kiip-client.js';
import { PostgresServer } from '../support/postgres.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

/** Far more than a statement takes. */
const TIMEOUT_MS = 1_000;
const LEASE_SECONDS = 25 + (2 * TIMEOUT_MS) / 1_000;
/** Generous limits for a slow machine, not performance targets. */
const LIMIT_MS = 180_000;
const WAIT_SECONDS = 90;

describe('delivery during PostgreSQL failures', () => {
  let server: PostgresServer;
  let proxy: FaultProxy;
  let inbox: Inbox;
  let gateway: Gateway;
  let origin: string;
  const sender = new CallbackSender(4);
  const database = { query: (text: string) => server.query('postgres', text) };

  beforeAll(async () => {
    server = await PostgresServer.create();
    proxy = await FaultProxy.to(server.port);
    inbox = await Inbox.open();
    gateway = await startGateway({
      DATABASE_URL: server.url('postgres', proxy.port),
      DATABASE_TIMEOUT_MS: String(TIMEOUT_MS),
      DELIVERY_CONSUMERS: consumersConfig(inbox.url()),
    });
    origin = gateway.url;
  }, 120_000);
  afterAll(async () => {
    await sender.close();
    await gateway.close();
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
  const findDeliveryOf = (id: string) => findDelivery(database, id);
  /** Waits until an event is delivered; returns what the consumer and the tables have of it. */
  const resultOf = async (id: string) => {
    const delivered = async () => (await findDeliveryOf(id))?.['status'] === 'delivered';
    await waitFor('it is delivered', delivered, WAIT_SECONDS);
    const { attempts, lease_token: leaseToken } = (await findDeliveryOf(id))!;
    const log = await database.query(
      `select a.status from delivery_attempts a
      join deliveries d on d.id = a.delivery_id where d.ledger_id = '${id}'`,
    );
    return { received: inbox.receipts.map((receipt) => receipt.id), attempts, leaseToken, log };
  };

  test.each([
    ['it is stopped and started', () => server.stop(), () => server.start()],
    ['it crashes and is started', () => server.stop('SIGQUIT'), () => server.start()],
    ['it is paused and resumed', async () => server.pause(), async () => server.resume()],
  ])(
    'loses no event and no result when %s',
    async (name, fail, recover) => {
      inbox.respond = async () => {
        await sleep(Math.random() * 30);
        return 200;
      };
      const kiip = new RetryingKiipClient([origin], { inFlight: 4, pauseMs: 40 });
      await waitFor('events flow', () => inbox.receipts.length > scale(30, 100));
      await fail();
      await waitFor(
        'callbacks are refused',
        async () => (await sender.callback(origin, redemption())).status === 503,
      );
      const before = inbox.receipts.length;
      await recover();
      await waitFor('events flow again', () => inbox.receipts.length > before + scale(30, 100), WAIT_SECONDS);
      await kiip.finish();
      await waitFor(
        'all is delivered',
        async () => {
          // Where the reply to a lease statement was lost, nothing is sent before the lease ends.
          await expireLostLeases(
            database,
            LEASE_SECONDS,
            inbox.receipts.map(({ id }) => id),
          );
          return (await countUnfinished(database)) === 0;
        },
        WAIT_SECONDS,
      );

      const rows = (await sender.ledger(origin)).filter(isAccepted).map(({ id }) => id);
      const received = inbox.receipts.map(({ id }) => id);
      const acknowledged = [...kiip.acknowledged.values()].map(([first]) => first!.id);
      expect(acknowledged.filter((id) => !received.includes(id))).toEqual([]);
      expect(received.filter((id) => !rows.includes(id))).toEqual([]);
      // Events that were accepted while the result could not be saved are not sent again: the leases lasted longer.
      expect(received).toHaveLength(new Set(received).size);
      expect(await database.query('select * from deliveries where attempts <> 1')).toEqual([]);
      expect(await readTotals(origin)).toMatchObject(allDelivered(rows.length));
      console.info(`${name}: ${received.length} events`);
    },
    LIMIT_MS,
  );

  test('saves the result of an event that the consumer accepts while PostgreSQL is down', async () => {
    const respond = inbox.hold();
    const id = await record();
    await waitFor('it is sent', () => inbox.receipts.length === 1);
    await server.stop();
    const answered = inbox.nextResponse();
    respond(200);
    await answered;
    await server.start();
    expect(await resultOf(id)).toEqual(deliveredOnce(id));
  });

  test.each(['before', 'after'] as const)(
    'saves the result when the connection is reset %s it is written',
    async (when) => {
      const { resets } = proxy;
      proxy.resetOn('gateway_save_attempts', when);
      const id = await record();
      await waitFor('connections are reset', () => proxy.resets >= resets + 2);
      proxy.stopResets();
      expect(await resultOf(id)).toEqual(deliveredOnce(id));
    },
  );

  test(
    'sends an event after its lease expires when the response to the lease statement was lost',
    async () => {
      proxy.resetOn('gateway_acquire_leases', 'after');
      const id = await record();
      await waitFor('it is leased', async () => Boolean((await findDeliveryOf(id))?.['lease_token']));
      proxy.stopResets();
      const { lease_expires_at: expiresAt } = (await findDeliveryOf(id))!;
      expect(Number(expiresAt) - Date.now()).toBeGreaterThan((LEASE_SECONDS - 5) * 1_000);
      // The gateway leases and sends the next one, but not this one.
      const next = await record();
      await waitFor(
        'the next is delivered',
        async () => (await findDeliveryOf(next))?.['status'] === 'delivered',
      );
      expect(inbox.receipts.map((receipt) => receipt.id)).toEqual([next]);
      await database.query(
        'update deliveries set lease_expires_at = now() where lease_expires_at is not null',
      );
      expect(await resultOf(id)).toEqual({ ...deliveredOnce(id), received: [next, id] });
    },
    LIMIT_MS,
  );

  test('sends an event once when the response to the outbox statement was lost', async () => {
    proxy.resetOn('gateway_fan_out', 'after');
    const id = await record();
    await waitFor('it has left the outbox', async () => (await findDeliveryOf(id)) !== undefined);
    proxy.stopResets();
    expect(await resultOf(id)).toEqual(deliveredOnce(id));
  });

  test('logs no error during all of these failures', () => {
    expect(gateway.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  });
});

const deliveredOnce = (id: string) => ({
  received: [id],
  attempts: 1,
  leaseToken: null,
  log: [{ status: 200 }],
});
