import { startCallbackReceiver } from '../support/callback-receiver.js';
import type { CallbackReceiver } from '../support/callback-receiver.js';
import { CONSUMER_SECRET, consumer, parseEvent, signPayload } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { DeliveryView } from '../support/deliveries.js';
import { startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { scrapeMetrics } from '../support/metrics.js';
import { waitFor } from '../support/wait-for.js';

const deliveries = '/api/v1/deliveries';
const window = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };
const paused = 'rewards_gateway_delivery_consumer_paused{consumer="wallet"}';

let database: TestDatabase;
let wallet: CallbackReceiver;
let other: CallbackReceiver;
let replicas: KiipGateway[];
let view: DeliveryView;

const start = async () => {
  const gateway = await startKiipGateway({
    ...database.env,
    DELIVERY_CONSUMERS: JSON.stringify([
      consumer(`${wallet.url}/hook?token=canary`, { name: 'wallet' }),
      consumer(other.url, { name: 'other' }),
    ]),
    SHUTDOWN_GRACE_SECONDS: '2',
  });
  replicas.push(gateway);
  return gateway;
};

beforeEach(async () => {
  database = await newDatabase();
  wallet = await startCallbackReceiver();
  other = await startCallbackReceiver();
  replicas = [];
  view = new DeliveryView(await start());
});
afterEach(async () => {
  await Promise.all(replicas.map((gateway) => gateway.close()));
  await Promise.all([wallet.close(), other.close()]);
  await database.drop();
});

type Json = Record<string, unknown>;
const get = async (path: string) => (await replicas[0]!.get(path)).json() as Promise<Json>;
const post = async (path: string, body: unknown = {}, status = 200) => {
  const response = await replicas[0]!.post(`${deliveries}/${path}`, body, { 'x-request-id': 'ticket' });
  expect([path, response.status]).toEqual([path, status]);
  return (await response.json()) as Json;
};
const consumers = async () => (await get(`${deliveries}/consumers`))['items'] as Json[];
const audit = async () =>
  ((await get('/api/v1/audit'))['items'] as Json[]).map(({ action, subject, reason }) => [
    action,
    subject,
    reason,
  ]);
/** Sends an event, and waits until the other consumer has it: each worker has then been notified. */
const deliver = async () => {
  const before = other.received.length;
  const id = await view.record();
  await waitFor('the other consumer has it', () => other.received.length > before);
  return id;
};
const sentToWallet = () => wallet.received.map((call) => parseEvent(call).id);

const replay = async (consumerName: string, rate_per_second: number) =>
  String((await post('replays', { consumer: consumerName, ...window, rate_per_second }, 202))['id']);
const state = (id: string) => get(`${deliveries}/replays/${id}`);
const listed = async (query = '') => {
  const { items, next } = await get(`${deliveries}/replays${query}`);
  return [(items as Json[]).map(({ id }) => id), next];
};
const finish = async (id: string) => {
  await waitFor('the replay has finished', async () => (await state(id))['status'] === 'finished');
  return id;
};

describe('a consumer', () => {
  it('is listed with its queue, and without what its URL and its secrets would tell', async () => {
    wallet.answer(500);
    await view.record();
    await view.waitFor(
      'both attempts are stored',
      (items) => items.map(({ attempts }) => attempts).join() === '1,1',
    );
    const state = { paused: null, breaker: 'closed', dead: 0 };
    expect(await consumers()).toEqual([
      { ...state, name: 'wallet', origin: wallet.url, pending: 1 },
      { ...state, name: 'other', origin: other.url, pending: 0 },
    ]);
  });

  it('waits in every replica while a caller has paused it, and gets all when it is resumed', async () => {
    await start();
    const reason = 'It counts twice';
    const state = {
      since: expect.any(String) as string,
      cause: 'manual',
      caller: 'tester',
      request_id: 'ticket',
      reason,
    };
    expect((await post('consumers/wallet/pause', { reason }))['paused']).toEqual(state);
    expect((await post('consumers/wallet/pause', { reason: 'again' }))['paused']).toEqual(state);
    const ids = [await deliver(), await deliver()];
    const [first] = await view.list('?consumer=wallet');
    await view.retry(first!.id);
    await post('replays', { consumer: 'wallet', ...window }, 202);
    await deliver().then((id) => ids.push(id));
    expect(wallet.received).toEqual([]);
    for (const gateway of replicas) {
      const health = (await (await gateway.get('/health/dependencies')).json()) as { details: Json };
      expect(health.details['consumers']).toMatchObject({
        status: 'up',
        wallet: { paused: { reason: 'a caller paused it' } },
        other: { paused: null },
      });
      expect(JSON.stringify(health)).not.toContain(reason);
      expect(await scrapeMetrics(gateway)).toMatchObject({ [paused]: 1 });
    }
    expect(await post('consumers/wallet/resume')).toMatchObject({ paused: null });
    await post('consumers/wallet/resume');
    await waitFor('it has all', () => new Set(sentToWallet()).size === ids.length);
    expect(new Set(sentToWallet())).toEqual(new Set(ids));
    expect(await audit()).toEqual([
      ['pause', 'wallet', reason],
      ['retry', first!.id, null],
      ['replay', expect.any(String), null],
      ['resume', 'wallet', null],
    ]);
  });

  it('is resumed after a 410 as well', async () => {
    wallet.answer(410);
    const gone = await deliver();
    await waitFor('it is paused', async () => (await consumers())[0]!['paused'] !== null);
    expect((await consumers())[0]).toMatchObject({
      paused: { cause: 'gone', caller: null, request_id: null, reason: null },
    });
    expect(((await get('/health/dependencies'))['details'] as Json)['consumers']).toMatchObject({
      wallet: { paused: { reason: 'the consumer responded 410 Gone' } },
    });
    const next = await deliver();
    expect(sentToWallet()).toEqual([gone]);
    await post('consumers/wallet/resume');
    await waitFor('it has the next event', () => sentToWallet().includes(next));
  });

  it('gets a signed test event, also while it is paused, of which nothing is stored', async () => {
    await post('consumers/wallet/pause');
    const result = await post('consumers/wallet/test');
    expect(result).toEqual({
      id: expect.stringMatching(/^test_/),
      accepted: true,
      status: 200,
      outcome: 'accepted',
      duration_ms: expect.any(Number),
    });
    const { id, timestamp, signatures, body, event } = parseEvent(wallet.received[0]!);
    expect(id).toBe(result['id']);
    expect(event).toEqual({ type: 'gateway.test', timestamp: expect.any(String), data: {} });
    expect(signatures).toEqual([signPayload(id, timestamp, body, CONSUMER_SECRET)]);
    expect(Math.abs(Number(timestamp) - Date.now() / 1_000)).toBeLessThan(60);
    expect(wallet.received[0]!.path).toBe('/hook?token=canary');
    wallet.answer(410);
    expect(await post('consumers/wallet/test')).toMatchObject({
      accepted: false,
      status: 410,
      outcome: 'gone',
    });
    expect(await database.query('select id from deliveries')).toEqual([]);
    expect(await database.query('select id from ledger')).toEqual([]);
    expect((await consumers())[0]).toMatchObject({ paused: { cause: 'manual' } });
    expect(await audit()).toEqual([['pause', 'wallet', null]]);
    await other.close();
    expect(await post('consumers/other/test')).toMatchObject({
      accepted: false,
      status: null,
      outcome: 'no response (ECONNREFUSED)',
    });
  });

  it('is 404 when the configuration does not have it', async () => {
    for (const verb of ['pause', 'resume', 'test'])
      expect(await post(`consumers/nobody/${verb}`, {}, 404)).toMatchObject({
        detail: 'DELIVERY_CONSUMERS has no consumer of this name.',
      });
  });
});

describe('a delivery', () => {
  it('is read with its attempts', async () => {
    wallet.answer(500);
    const issuance = await deliver();
    await view.waitFor('the failure is stored', ([first]) => first?.last_status === 500, '?consumer=wallet');
    const [{ id } = { id: '' }] = await view.list('?consumer=wallet');
    await view.retry(id);
    await view.waitFor('it is delivered', ([first]) => first?.status === 'delivered', '?consumer=wallet');
    const attempt = { at: expect.any(String) as string, duration_ms: expect.any(Number) as number };
    expect(await get(`${deliveries}/${id}`)).toEqual({
      id,
      issuance_id: issuance,
      consumer: 'wallet',
      status: 'delivered',
      attempts: 2,
      last_status: 200,
      next_attempt_at: null,
      accepted_at: expect.any(String),
      ended_at: expect.any(String),
      attempt_log: [
        { ...attempt, status: 500, outcome: 'rejected' },
        { ...attempt, status: 200, outcome: 'accepted' },
      ],
    });
    for (const unknown of ['dlv_999999', 'nope'])
      expect((await replicas[0]!.get(`${deliveries}/${unknown}`)).status).toBe(404);
  });
});

describe('a replay', () => {
  it('sends nothing while it is paused and after it was cancelled, and is listed with what was done', async () => {
    for (let count = 0; count < 3; count += 1) await deliver();
    const first = await replay('wallet', 1);
    await waitFor('it has begun', async () => (await state(first))['done'] === 1);
    const pausedState = { status: 'paused', done: 1, finished_at: null };
    expect(await post(`replays/${first}/pause`, { reason: 'slowly' })).toMatchObject(pausedState);
    // It takes three seconds: at this rate, the first one would have gone on meanwhile.
    const second = await finish(await replay('other', 1));
    expect(await post(`replays/${first}/pause`)).toMatchObject(pausedState);
    expect(await post(`replays/${first}/resume`)).toMatchObject({ status: 'running' });
    await waitFor('it goes on', async () => (await state(first))['done'] === 2);
    expect(await post(`replays/${first}/cancel`)).toMatchObject({
      status: 'cancelled',
      done: 2,
      finished_at: expect.any(String),
    });
    await database.query('update delivery_replays set next_batch_at = now()');
    const third = await finish(await replay('other', 1_000));
    expect(await post(`replays/${first}/cancel`)).toMatchObject({ status: 'cancelled', done: 2 });
    for (const verb of ['pause', 'resume'])
      for (const id of [first, third]) await post(`replays/${id}/${verb}`, {}, 409);
    await post(`replays/${third}/cancel`, {}, 409);
    await post('replays/6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1/cancel', {}, 404);

    expect(await listed()).toEqual([[third, second, first], null]);
    expect(await listed('?limit=2')).toEqual([[third, second], second]);
    expect(await listed(`?limit=2&after=${second}`)).toEqual([[first], null]);
    expect(await audit()).toEqual([
      ['replay', first, null],
      ['pause', first, 'slowly'],
      ['replay', second, null],
      ['resume', first, null],
      ['cancel', first, null],
      ['replay', third, null],
    ]);
  });

  it('waits while its consumer is paused', async () => {
    for (let count = 0; count < 2; count += 1) await deliver();
    await post('consumers/wallet/pause');
    const id = await replay('wallet', 1_000);
    await finish(await replay('other', 1_000));
    expect(await state(id)).toMatchObject({ status: 'running', done: 0 });
    await post('consumers/wallet/resume');
    await finish(id);
  });
});
