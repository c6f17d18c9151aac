import { allDelivered, readTotals, findDelivery } from '../support/reconciliation.js';
import { CallbackSender } from '../support/callback-sender.js';
import { consumersConfig } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import type { Environment } from '../../src/config/read-config.js';
import { credentials } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import type { GatewayProcess } from '../support/gateway-process.js';
import { Inbox } from '../support/inbox.js';
import type { Receipt } from '../support/inbox.js';
import { redemption } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

describe('delivery by ROLE', () => {
  let database: TestDatabase;
  let inbox: Inbox;
  let api: GatewayProcess;
  let origin: string;
  /** The worker that runs between the tests, after the first one. */
  let worker: GatewayProcess | undefined;
  let workerName: string;
  const sender = new CallbackSender(8);

  const start = async (role: string, name: string, env: Environment = {}) => {
    const gateway = startProcess({
      ...database.env,
      DELIVERY_CONSUMERS: consumersConfig(inbox.url(name)),
      SHUTDOWN_GRACE_SECONDS: '4',
      // No lease expires while a test waits: a lease lasts 25 s and twice this.
      DATABASE_TIMEOUT_MS: '20000',
      LOG_LEVEL: 'info',
      ROLE: role,
      ...env,
    });
    await gateway.url();
    await gateway.logged('database ready');
    return gateway;
  };
  const record = async (): Promise<string> => {
    const { outcome, id } = await sender.callback(origin, redemption());
    expect(outcome).toBe('recorded');
    return id!;
  };
  const receivedFrom = (name: string) => inbox.receipts.filter((receipt) => receipt.sender === name);
  const findDeliveryOf = (id: string) => findDelivery(database, id);
  const allIsDelivered = () =>
    waitFor('all is delivered', async () => {
      const totals = await readTotals(origin);
      return totals.accepted > 0 && totals.delivered === totals.accepted;
    });
  /** Delivers some events, after which a worker sends several at once. */
  const rampUp = async (name: string) => {
    await Promise.all(Array.from({ length: 8 }, record));
    await allIsDelivered();
    expect(receivedFrom(name)).toHaveLength(8);
  };

  beforeAll(async () => {
    database = await newDatabase();
    inbox = await Inbox.open();
    api = await start('api', 'api');
    origin = await api.url();
  }, 120_000);
  afterAll(async () => {
    await sender.close();
    await worker?.[Symbol.asyncDispose]();
    await api[Symbol.asyncDispose]();
    await inbox.close();
    await database.drop();
  });
  beforeEach(() => {
    inbox.receipts.length = 0;
    inbox.respond = () => 200;
  });

  test('serves the routes and sends nothing with ROLE=api, while a separate worker delivers what it accepts', async () => {
    const early = await Promise.all([record(), record()]);
    const deliveries = await fetch(`${origin}/api/v1/deliveries`, { headers: credentials });
    expect([deliveries.status, await deliveries.json()]).toEqual([200, { items: [], next: 'dlv_0' }]);
    expect(await readTotals(origin)).toMatchObject({ accepted: 2, pending: 2, missing: 0 });

    worker = await start('worker', 'first');
    const late = await record();
    await allIsDelivered();
    expect(idsOf(inbox.receipts).toSorted()).toEqual([...early, late].toSorted());
    expect(receivedFrom('first')).toHaveLength(3);
    expect(await readTotals(origin)).toMatchObject(allDelivered(3));

    const url = await worker.url();
    const statusOf = async (path: string, init: RequestInit = {}) =>
      (await fetch(url + path, { headers: credentials, ...init })).status;
    for (const probe of ['live', 'ready', 'startup']) expect(await statusOf(`/health/${probe}`)).toBe(200);
    for (const path of [
      '/api/v1/deliveries',
      '/api/v1/kiip/issuances',
      '/docs',
      '/openapi.json',
      '/',
      '/nothing',
    ])
      expect([path, await statusOf(path)]).toEqual([path, 404]);
    expect((await sender.callback(url, redemption())).status).toBe(404);
    expect(await statusOf('/api/v1/deliveries/dlv_1/retry', { method: 'POST' })).toBe(404);
    expect((await readTotals(origin)).accepted).toBe(3);
  });

  test('releases the lease of an unanswered delivery when a worker stops, and another worker sends it', async () => {
    inbox.respond = () => 'never';
    const first = worker!;
    const second = await start('worker', 'second');
    const id = await record();
    await waitFor('it is sent', () => inbox.receipts.length === 1);
    const [leaving, staying, other] =
      inbox.receipts[0]!.sender === 'first' ? [first, second, 'second'] : [second, first, 'first'];
    [worker, workerName] = [staying, other];
    expect((await findDeliveryOf(id))?.['lease_token']).not.toBeNull();
    inbox.respond = () => 200;
    leaving.signal('SIGTERM');
    expect(await leaving.ended).toEqual({ code: 0, signal: null });
    await waitFor('it is delivered', async () => (await findDeliveryOf(id))?.['status'] === 'delivered');

    expect(idsOf(inbox.receipts)).toEqual([id, id]);
    expect(receivedFrom(other)).toHaveLength(1);
    expect(new Set(inbox.receipts.map(({ body }) => body)).size).toBe(1);
    expect(graceExpired(leaving)).toEqual([]);
    // The lease was released, not expired; an attempt with an unknown end is not counted.
    expect(await findDeliveryOf(id)).toMatchObject({
      attempts: 1,
      lease_token: null,
      lease_expires_at: null,
    });
    expect(staying.log().filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('leases nothing more when a worker stops, and leaves no lease behind', async () => {
    const leaving = worker!;
    await rampUp(workerName);
    const again = inbox.receipts[0]!.id;
    inbox.receipts.length = 0;
    inbox.respond = () => 'never';
    const held = await record();
    await waitFor('it is sent', () => inbox.receipts.length === 1);
    leaving.signal('SIGTERM');
    await leaving.logged('stopping');
    // New entries wait in the outbox; the retried delivery could be leased at once.
    const late = await Promise.all([record(), record(), record()]);
    const delivery = `${origin}/api/v1/deliveries/dlv_${String((await findDeliveryOf(again))?.['id'])}`;
    expect((await fetch(`${delivery}/retry`, { method: 'POST', headers: credentials })).status).toBe(202);
    expect(await leaving.ended).toEqual({ code: 0, signal: null });

    expect(graceExpired(leaving)).toEqual([]);
    expect(idsOf(inbox.receipts)).toEqual([held]);
    expect(await findDeliveryOf(held)).toMatchObject({
      status: 'pending',
      attempts: 0,
      lease_token: null,
      lease_expires_at: null,
    });
    expect(await database.query('select * from deliveries where lease_token is not null')).toEqual([]);

    inbox.respond = () => 200;
    const next = await start('all', 'next');
    worker = next;
    await allIsDelivered();
    expect(idsOf(receivedFrom('next')).toSorted()).toEqual([again, held, ...late].toSorted());
    expect(next.log().filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('saves the result of a response that arrives while a worker stops', async () => {
    const leaving = worker!;
    const respond = inbox.hold();
    const id = await record();
    await waitFor('it is sent', () => inbox.receipts.length === 1);
    leaving.signal('SIGTERM');
    await leaving.logged('stopping');
    respond(200);
    expect(await leaving.ended).toEqual({ code: 0, signal: null });
    expect(await findDeliveryOf(id)).toMatchObject({ status: 'delivered', attempts: 1, lease_token: null });
  });
});

const idsOf = (receipts: readonly Receipt[]) => receipts.map(({ id }) => id);

/** The log lines of a process that ended because its grace period expired. */
const graceExpired = (gateway: GatewayProcess) =>
  gateway.log().filter(({ msg }) => String(msg).includes('the time to drain was over'));
