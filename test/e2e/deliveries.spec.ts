import { Database } from '../../src/database/database.js';
import type { Environment } from '../../src/config/read-config.js';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import type { CallbackReceiver } from '../support/callback-receiver.js';
import { consumer, consumersConfig, parseEvent, CONSUMER_SECRET, signPayload } from '../support/consumer.js';
import { issuance, redemption, startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

describe('DeliveryWorker', () => {
  let wallet: CallbackReceiver;
  let gateway: KiipGateway;

  beforeEach(async () => {
    wallet = await startCallbackReceiver();
  });
  afterEach(async () => {
    await gateway.close();
    await wallet.close();
  });

  const url = () => `${wallet.url}/events?tenant=1`;
  const start = async (env: Environment = {}) => {
    gateway = await startKiipGateway({
      DELIVERY_CONSUMERS: consumersConfig(url()),
      SHUTDOWN_GRACE_SECONDS: '2',
      ...env,
    });
    return gateway;
  };
  const record = async (fields = redemption()) => {
    const { body } = await gateway.callback(fields);
    expect(body['status']).toBe('recorded');
    return String(body['id']);
  };
  const received = (calls: number) => waitFor(`${calls} calls`, async () => wallet.received.length >= calls);
  const list = async (query = '') => {
    const response = await gateway.get(`/api/v1/deliveries${query}`);
    return (await response.json()) as { items: Record<string, unknown>[]; next: string };
  };
  const listed = (query: string, count: number) =>
    waitFor(`${count} deliveries of ${query}`, async () => (await list(query)).items.length === count);
  /** Makes pending deliveries due: the clock of the database cannot be moved. */
  const dueNow = () =>
    gateway.app.get(Database, { strict: false }).run((db) =>
      db
        .updateTable('deliveries')
        .set({ next_attempt_at: new Date(0) })
        .where('status', '=', 'pending')
        .execute(),
    );

  it('sends a recorded callback to the consumer, signed, and lists it as delivered', async () => {
    await start();
    const fields = redemption();
    const id = await record(fields);
    await received(1);
    const [{ method, path, headers }] = wallet.received as [(typeof wallet.received)[0]];
    expect([method, path, headers['content-type']]).toEqual(['POST', '/events?tenant=1', 'application/json']);
    const { body, event, timestamp, signatures, ...rest } = parseEvent(wallet.received[0]!);
    expect(rest.id).toBe(id);
    expect(signatures).toEqual([signPayload(id, timestamp, body)]);
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60);
    const row = (await gateway.read('/issuances')).items[0];
    expect(event).toEqual({
      type: 'kiip.currency.issued',
      timestamp: expect.any(String) as string,
      data: row,
    });
    expect(new Date(event.timestamp).toISOString()).toBe(event.timestamp);
    await listed('?status=delivered', 1);
    expect((await list()).items).toEqual([
      {
        id: 'dlv_1',
        issuance_id: id,
        consumer: 'wallet',
        status: 'delivered',
        attempts: 1,
        last_status: 200,
        next_attempt_at: null,
      },
    ]);
    // A duplicate of the callback sends no second event.
    await gateway.callback(fields);
    await record(issuance());
    await received(2);
    expect(
      wallet.received.map(({ headers: { 'webhook-id': sent } }) => sent).filter((sent) => sent === id),
    ).toHaveLength(1);
  });

  it('shows the history of a ledger entry as one timeline', async () => {
    await start();
    wallet.answer((response) => void setTimeout(() => response.writeHead(500).end(), 45));
    const id = await record();
    await received(1);
    await waitFor('the first attempt', async () => (await list()).items[0]?.['attempts'] === 1);
    await dueNow();
    await listed('?status=delivered', 1);
    const history = (await gateway.read(`/issuances/${id}`)) as unknown as {
      deliveries: object[];
      timeline: { event: string; status?: number; duration_ms?: number; detail?: string; at: string }[];
    };
    expect(history.deliveries).toMatchObject([{ consumer: 'wallet', status: 'delivered', attempts: 2 }]);
    const duration_ms = expect.any(Number) as number;
    const consumer = 'wallet';
    const at = expect.any(String) as string;
    expect(history.timeline).toEqual([
      { at, event: 'received' },
      { at, event: 'verified', detail: 'redemption' },
      { at, event: 'committed' },
      { at, event: 'attempted', consumer, status: 500, duration_ms, detail: 'rejected' },
      { at, event: 'attempted', consumer, status: 200, duration_ms, detail: 'accepted' },
      { at, event: 'delivered', consumer },
    ]);
    // The duration of the attempt, which is shorter than the time limit of this test.
    const [slow] = history.timeline.filter(({ status }) => status === 500);
    expect(slow!.duration_ms).toBeGreaterThanOrEqual(40);
    expect(slow!.duration_ms).toBeLessThan(60_000);
    const times = history.timeline.map(({ at }) => at);
    expect(times).toEqual(times.toSorted());
  });

  it('signs an event with every secret of the consumer', async () => {
    const second = 'whsec_c2Vjb25kIHNlY3JldCwgYXMgbG9uZyBhcyBpdCBpcw==';
    await start({ DELIVERY_CONSUMERS: consumersConfig(url(), { secrets: [CONSUMER_SECRET, second] }) });
    const id = await record();
    await received(1);
    const { body, timestamp, signatures } = parseEvent(wallet.received[0]!);
    expect(signatures).toEqual([CONSUMER_SECRET, second].map((key) => signPayload(id, timestamp, body, key)));
  });

  it('sends a quarantined entry only after it is released', async () => {
    await start();
    const { body } = await gateway.callback(redemption({ quantity: '020' }));
    expect(body['status']).toBe('quarantined');
    const quarantined = await gateway.callback(redemption({ name: 'Coins2' }));
    expect(quarantined.body['status']).toBe('quarantined');
    const sent = await record();
    await received(1);
    await gateway.post(`/api/v1/kiip/issuances/${String(quarantined.body['id'])}/release`, {});
    await received(2);
    expect(wallet.received.map((call) => parseEvent(call).id)).toEqual([sent, quarantined.body['id']]);
    expect(parseEvent(wallet.received[1]!).event.data).toMatchObject({ status: 'released' });
  });

  it('keeps accepted entries in the outbox while no consumer is configured', async () => {
    await start({ DELIVERY_CONSUMERS: '' });
    await record();
    expect((await list()).items).toEqual([]);
    const totals = await gateway.read(`/reconciliation?from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z`);
    expect(totals).toMatchObject({ accepted: 1, pending: 1, missing: 0 });
  });

  it('delivers to each consumer independently', async () => {
    const other = await startCallbackReceiver();
    try {
      const both = JSON.stringify([consumer(url()), consumer(other.url, { name: 'game' })]);
      await start({ DELIVERY_CONSUMERS: both });
      wallet.answer(503);
      const id = await record();
      await listed('?status=delivered&consumer=game', 1);
      expect(parseEvent(other.received[0]!).id).toBe(id);
      await listed('?status=pending&consumer=wallet', 1);
      expect((await list('?consumer=wallet')).items).toMatchObject([{ last_status: 503, attempts: 1 }]);
    } finally {
      await other.close();
    }
  });
});
