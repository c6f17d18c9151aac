import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { consumersConfig } from '../support/consumer.js';
import { apiKey } from '../support/gateway.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';

const moneyKey = 'the-key-of-the-money-team';
const shopKey = 'the-key-of-the-shop-team';

let database: TestDatabase;
let gateway: KiipGateway;

beforeAll(async () => {
  database = await newDatabase();
  gateway = await startKiipGateway({
    ...database.env,
    API_KEYS: `tester:${apiKey},money:${moneyKey},shop:${shopKey}`,
    CALLER_SCOPES: JSON.stringify({
      tester: ['ledger:read', 'deliveries:manage'],
      money: ['ledger:decide', 'deliveries:manage'],
      shop: ['kigo:read'],
    }),
    DELIVERY_CONSUMERS: consumersConfig('http://127.0.0.1:9'),
    KIIP_CURRENCIES: '{"other":{"name":"Other","max_quantity":1}}',
  });
});
afterAll(async () => {
  await gateway.close();
  await database.drop();
});

const as = (key: string, requestId: string) => ({
  authorization: `Bearer ${key}`,
  'x-request-id': requestId,
});
const quarantine = async () => {
  const { body } = await gateway.callback(redemption({ transaction_id: crypto.randomUUID() }));
  expect(body).toMatchObject({ status: 'quarantined' });
  return (body as { id: string }).id;
};
const decide = (id: string, decision: string, headers: Record<string, string>) =>
  gateway.post(`/api/v1/kiip/issuances/${id}/${decision}`, {}, headers);
const logged = (msg: string) => gateway.log.filter((line) => line['msg'] === msg);

describe('who decided about a quarantined entry', () => {
  it.each([
    ['release', 'released'],
    ['discard', 'discarded'],
  ])('stands in the entry, its timeline and the log after a %s', async (decision, status) => {
    const id = await quarantine();
    const requestId = `ticket-${decision}-7`;
    expect((await decide(id, decision, as(moneyKey, requestId))).status).toBe(200);

    const entry = await gateway.read(`/issuances/${id}`);
    expect(entry).toMatchObject({
      status,
      verification: { decided_by: 'money', decision_request_id: requestId },
      timeline: expect.arrayContaining([
        { at: expect.any(String), event: status, caller: 'money', request_id: requestId },
      ]),
    });
    expect(logged(`issuance ${status}`)).toEqual([
      expect.objectContaining({ level: 'info', id, caller: 'money', requestId }),
    ]);
  });

  it('stays when a second decision is refused', async () => {
    const id = await quarantine();
    expect((await decide(id, 'discard', as(moneyKey, 'first'))).status).toBe(200);
    expect((await decide(id, 'release', as(moneyKey, 'second'))).status).toBe(409);
    expect(await gateway.read(`/issuances/${id}`)).toMatchObject({
      status: 'discarded',
      verification: { decision_request_id: 'first' },
    });
  });

  it('is nobody while nothing is decided, and a caller without the scope decides nothing', async () => {
    const id = await quarantine();
    for (const decision of ['release', 'discard'])
      for (const key of [shopKey, apiKey])
        expect((await decide(id, decision, as(key, 'x'))).status).toBe(403);
    expect(await gateway.read(`/issuances/${id}`)).toMatchObject({
      status: 'quarantined',
      verification: { decided_at: null, decided_by: null, decision_request_id: null },
    });
  });
});

describe('who asked for a replay', () => {
  it('stands in the replay and in the log', async () => {
    const body = { consumer: 'wallet', from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };
    const started = await gateway.post('/api/v1/deliveries/replays', body, as(moneyKey, 'ticket-9'));
    const { id } = (await started.json()) as { id: string };
    const replay = await gateway.get(`/api/v1/deliveries/replays/${id}`);
    expect(await replay.json()).toMatchObject({ requested_by: 'money', request_id: 'ticket-9' });
    expect(logged('replay started')).toEqual([
      expect.objectContaining({ id, consumer: 'wallet', caller: 'money', requestId: 'ticket-9' }),
    ]);
  });
});
