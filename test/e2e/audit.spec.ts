import { eraseUser } from '../../src/retention/personal-data.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { consumersConfig } from '../support/consumer.js';
import { apiKey } from '../support/gateway.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

const moneyKey = 'the-key-of-the-money-team';
const UUID = '[\\da-f]{8}(-[\\da-f]{4}){3}-[\\da-f]{12}';

let database: TestDatabase;
let gateway: KiipGateway;

beforeAll(async () => {
  database = await newDatabase();
  gateway = await startKiipGateway({
    ...database.env,
    API_KEYS: `tester:${apiKey},money:${moneyKey}`,
    CALLER_SCOPES: JSON.stringify({
      tester: ['ledger:read'],
      money: ['ledger:read', 'ledger:decide', 'deliveries:manage'],
    }),
    DELIVERY_CONSUMERS: consumersConfig('http://127.0.0.1:9'),
    KIIP_CURRENCIES: '{"other":{"name":"Other","max_quantity":1}}',
    DECISION_REASON_ABOVE: '100',
  });
});
afterAll(async () => {
  await gateway.close();
  await database.drop();
});

interface AuditPage {
  readonly items: readonly Record<string, unknown>[];
  readonly next: string;
}

const as = (requestId: string) => ({ authorization: `Bearer ${moneyKey}`, 'x-request-id': requestId });
const post = (path: string, body: unknown, requestId = 'ticket') =>
  gateway.post(`/api/v1/${path}`, body, as(requestId));
const auditPage = async (query: string) =>
  (await (await gateway.get(`/api/v1/audit?${query}`, as('reader'))).json()) as AuditPage;
/** The newest entry. */
const lastEntry = async () => (await auditPage('order=desc&limit=1')).items[0];
/** The type of the problem that a cursor is answered with; undefined for a page. */
const problemOf = async (cursor: string) => ((await auditPage(`after=${cursor}`)) as { type?: string }).type;
const quarantine = async (quantity = 20, user_id = 'user-123') => {
  const { body } = await gateway.callback(
    redemption({ transaction_id: crypto.randomUUID(), quantity, user_id }),
  );
  expect(body).toMatchObject({ status: 'quarantined' });
  return (body as { id: string }).id;
};

describe('the audit log', () => {
  it.each([
    ['release', 'released'],
    ['discard', 'discarded'],
  ])(
    'has who did a %s, in which request and why, and so has the timeline of the entry',
    async (action, status) => {
      const id = await quarantine();
      const reason = 'Kiip confirmed it, ticket 4711';
      expect((await post(`kiip/issuances/${id}/${action}`, { reason }, `request-${action}`)).status).toBe(
        200,
      );
      const entry = { at: expect.any(String), caller: 'money', request_id: `request-${action}`, reason };
      expect(await lastEntry()).toEqual({
        ...entry,
        id: expect.stringMatching(/^aud_\d+$/),
        action,
        subject: id,
      });
      const { timeline } = (await gateway.read(`/issuances/${id}`)) as unknown as { timeline: object[] };
      expect(timeline).toContainEqual({ ...entry, event: status });
    },
  );

  it('has a retry of a delivery, and so has the timeline', async () => {
    const id = await quarantine();
    await post(`kiip/issuances/${id}/release`, {});
    let delivery = '';
    await waitFor('it has a delivery', async () => {
      const { deliveries } = (await gateway.read(`/issuances/${id}`)) as unknown as {
        deliveries: { id: string }[];
      };
      delivery = deliveries[0]?.id ?? '';
      return delivery !== '';
    });
    expect(
      (await post(`deliveries/${delivery}/retry`, { reason: 'the wallet is back' }, 'again')).status,
    ).toBe(202);
    const entry = {
      at: expect.any(String),
      caller: 'money',
      request_id: 'again',
      reason: 'the wallet is back',
    };
    expect(await lastEntry()).toMatchObject({ ...entry, action: 'retry', subject: delivery });
    const { timeline } = (await gateway.read(`/issuances/${id}`)) as unknown as { timeline: object[] };
    expect(timeline).toContainEqual({ ...entry, event: 'retried', consumer: 'wallet' });
  });

  it('has a replay, and nothing of a dry run', async () => {
    const window = { consumer: 'wallet', from: '2020-01-01T00:00:00Z', to: '2020-01-02T00:00:00Z' };
    const { next } = await auditPage('limit=500');
    expect((await post('deliveries/replays', { ...window, dry_run: true })).status).toBe(200);
    expect((await auditPage(`after=${next}`)).items).toEqual([]);
    const { id } = (await (await post('deliveries/replays', { ...window, reason: 'lost' })).json()) as {
      id: string;
    };
    expect((await auditPage(`after=${next}`)).items).toEqual([
      expect.objectContaining({ caller: 'money', action: 'replay', subject: id, reason: 'lost' }),
    ]);
  });

  it('has that a user was erased, and not who it was', async () => {
    await quarantine(20, 'forgotten');
    await eraseUser(await database.open(), 'forgotten');
    expect(await lastEntry()).toMatchObject({
      caller: 'npm run user:erase',
      request_id: null,
      action: 'erase',
      subject: expect.stringMatching(new RegExp(`^erased-${UUID}$`)),
      reason: null,
    });
  });

  it('has nothing of what was refused', async () => {
    const id = await quarantine();
    await post(`kiip/issuances/${id}/discard`, {});
    const { next } = await auditPage('limit=500');
    expect((await post(`kiip/issuances/${id}/release`, { reason: 'no' })).status).toBe(409);
    expect((await post('kiip/issuances/iss_0190c1d2e3f4000000112233445566aa/release', {})).status).toBe(404);
    expect((await post('deliveries/dlv_999999/retry', {})).status).toBe(404);
    expect(await auditPage(`after=${next}`)).toEqual({ items: [], next });
  });

  it('is read page by page, and misses nothing while many decide at once', async () => {
    const ids = await Promise.all(Array.from({ length: 30 }, () => quarantine()));
    const { next: start } = await auditPage('limit=500');
    const seen: string[] = [];
    let after = start;
    const decisions = Promise.all(ids.map((id) => post(`kiip/issuances/${id}/discard`, {})));
    let decided = false;
    void decisions.then(() => (decided = true));
    for (let isLast = false; !isLast;) {
      isLast = decided;
      const { items, next } = await auditPage(`limit=7&after=${after}`);
      seen.push(...items.map(({ subject }) => String(subject)));
      after = next;
      isLast &&= items.length === 0;
    }
    expect(seen.toSorted()).toEqual(ids.toSorted());
  });

  it('is read from its end too, page by page', async () => {
    const { items: all } = await auditPage('limit=500');
    const seen: unknown[] = [];
    for (let after = ''; ;) {
      const { items, next } = await auditPage(`order=desc&limit=5${after}`);
      seen.push(...items);
      if (items.length < 5) break;
      after = `&after=${next}`;
    }
    expect(seen).toEqual(all.toReversed());
  });

  it('cannot be changed', async () => {
    await quarantine().then((id) => post(`kiip/issuances/${id}/discard`, {}));
    for (const statement of [
      `update audit_log set caller = 'nobody'`,
      'delete from audit_log',
      'truncate audit_log',
    ])
      await expect(database.query(statement)).rejects.toMatchObject({ code: '23001' });
  });

  it('tells a reader that the database was set back, also when other entries have got the ids', async () => {
    await quarantine().then((id) => post(`kiip/issuances/${id}/discard`, {}));
    const { next: kept } = await auditPage('limit=1');
    const { items, next } = await auditPage('limit=500');
    const id = String(items.at(-1)!['id']);
    const restarted = 'urn:rewards-gateway:problem:feed-restarted';
    expect([await problemOf(next), await problemOf(id)]).toEqual([undefined, undefined]);
    const operator = await database.client();
    // As a restore does, which no trigger sees.
    await operator.query('set session_replication_role = replica');
    await operator.query(`delete from audit_log where id = ${id.replace('aud_', '')}`);
    expect([await problemOf(next), await problemOf(id), await problemOf(kept)]).toEqual([
      restarted,
      restarted,
      undefined,
    ]);
    await operator.query(`insert into audit_log (id, action, subject) overriding system value
      values (${id.replace('aud_', '')}, 'release', 'iss_other')`);
    await operator.end();
    expect([await problemOf(next), await problemOf(id), await problemOf(kept)]).toEqual([
      restarted,
      undefined,
      undefined,
    ]);
  });

  it('is for callers with ledger:decide', async () => {
    expect((await gateway.get('/api/v1/audit')).status).toBe(403);
    expect((await gateway.get('/api/v1/audit?after=7', as('x'))).status).toBe(400);
  });
});

describe('a decision about more than DECISION_REASON_ABOVE', () => {
  it.each(['release', 'discard'])('needs a reason: %s', async (action) => {
    const id = await quarantine(101);
    const refused = await post(`kiip/issuances/${id}/${action}`, {});
    expect(await refused.json()).toMatchObject({
      status: 400,
      errors: [{ pointer: '/reason', detail: 'reason is required for a quantity above 100' }],
    });
    expect((await post(`kiip/issuances/${id}/${action}`, { reason: 'checked' })).status).toBe(200);
  });

  it.each([
    ['', 'reason must be longer than or equal to 1 characters'],
    ['x'.repeat(501), 'reason must be shorter than or equal to 500 characters'],
    [7, 'reason must be a string'],
    [null, 'reason must be a string'],
  ])('does not take %j for one', async (reason, detail) => {
    const id = await quarantine();
    const response = await post(`kiip/issuances/${id}/discard`, { reason });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(detail);
  });

  it('may be smaller without one, and without a body', async () => {
    const id = await quarantine(100);
    const response = await fetch(`${gateway.url}/api/v1/kiip/issuances/${id}/discard`, {
      method: 'POST',
      headers: as('no-body'),
    });
    expect(response.status).toBe(200);
    expect(await lastEntry()).toMatchObject({ subject: id, reason: null });
  });
});
