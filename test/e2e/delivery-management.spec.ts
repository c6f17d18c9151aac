import { startKiipSandbox } from '@rewards-gateway/sandbox';
import type { KiipSandbox } from '@rewards-gateway/sandbox';
import type { CallbackReceiver } from '../support/callback-receiver.js';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import { consumer, consumersConfig, parseEvent } from '../support/consumer.js';
import { DeliveryView } from '../support/deliveries.js';
import { freePort } from '../support/free-port.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { kiipAppKey, momentOf } from '../support/kiip-world.js';
import { pointersIn, problemIn } from '../support/problem.js';
import { waitFor } from '../support/wait-for.js';

const deliveries = '/api/v1/deliveries';
const replays = `${deliveries}/replays`;
const window = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };

let gateway: KiipGateway;
let view: DeliveryView;
let up: CallbackReceiver;

const problemOf = async (response: Response) => {
  const headers = Object.fromEntries(response.headers);
  return problemIn({ status: response.status, headers, text: await response.text() });
};
/** The JSON pointers in a 400 response. */
const pointersOf = async (response: Response) => {
  const problem = await problemOf(response);
  expect([problem.status, problem.type]).toEqual([400, 'urn:rewards-gateway:problem:validation']);
  return pointersIn(problem);
};
const statusAndType = async (response: Response) => {
  const { status, type } = await problemOf(response);
  return [status, type];
};
const notFound = [404, 'urn:rewards-gateway:problem:not-found'];
const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

const rewardsWithoutCallback = async () =>
  (await view.totals())['rewards_without_callback'] as Record<string, unknown>[];
const waitForStatus = (count: number, status: string) =>
  view.waitFor(`${count} are ${status}`, (items) => items.length === count, `?status=${status}`);

describe('GET /api/v1/deliveries and POST /api/v1/deliveries/:id/retry', () => {
  const ids: string[] = [];

  beforeAll(async () => {
    up = await startCallbackReceiver();
    const down = `http://127.0.0.1:${await freePort()}`;
    gateway = await startKiipGateway({
      DELIVERY_CONSUMERS: JSON.stringify([
        consumer(up.url, { name: 'up' }),
        consumer(down, { name: 'down' }),
      ]),
      SHUTDOWN_GRACE_SECONDS: '2',
    });
    view = new DeliveryView(gateway);
    for (let count = 0; count < 6; count += 1) ids.push(await view.record());
    await view.waitFor(
      'all are delivered to the consumer that is up',
      (items) => items.length === 6,
      '?consumer=up&status=delivered',
    );
  });
  afterAll(async () => {
    await gateway.close();
    await up.close();
  });

  it('lists deliveries oldest first, also page by page', async () => {
    const all = await view.list();
    expect(all).toHaveLength(12);
    const numbers = all.map(({ id }) => Number(id.replace(/^dlv_/, '')));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    const seen: string[] = [];
    let next = '';
    for (let pages = 0; pages < 3; pages += 1) {
      const page = await view.page(`?limit=5${next && `&after=${next}`}`);
      expect(page.items.length).toBe(Math.min(5, all.length - seen.length));
      seen.push(...page.items.map(({ id }) => id));
      next = page.next;
    }
    expect(seen).toEqual(all.map(({ id }) => id));
    // After the last delivery, a page is empty and keeps its cursor.
    expect(await view.page(`?after=${next}`)).toEqual({ items: [], next });
  });

  it.each([
    ['?consumer=up', 6, 'up', 'delivered'],
    ['?consumer=down', 6, 'down', 'pending'],
    ['?status=delivered', 6, 'up', 'delivered'],
    ['?status=pending', 6, 'down', 'pending'],
    ['?consumer=down&status=pending&limit=4', 4, 'down', 'pending'],
    ['?status=dead', 0, '', ''],
    ['?consumer=up&status=pending', 0, '', ''],
    ['?consumer=nobody', 0, '', ''],
    ['?limit=500', 12, '', ''],
  ])('filters deliveries by %s', async (query, count, name, status) => {
    const items = await view.list(query);
    expect(items).toHaveLength(count);
    const unexpected = items.filter(
      (item) => name !== '' && (item.consumer !== name || item.status !== status),
    );
    expect(unexpected).toEqual([]);
  });

  it.each(['dlv_999999999999999999', 'dlv_1-00000000'])(
    'tells a reader that it does not have the row of a cursor: %s',
    async (cursor) => {
      const response = await gateway.get(`${deliveries}?after=${cursor}`);
      expect(await statusAndType(response)).toEqual([410, 'urn:rewards-gateway:problem:feed-restarted']);
    },
  );

  it.each([
    ['limit=0', '/limit'],
    ['limit=501', '/limit'],
    ['limit=-1', '/limit'],
    ['limit=1.5', '/limit'],
    ['limit=x', '/limit'],
    ['limit=', '/limit'],
    ['limit=1&limit=2', '/limit'],
    ['after=', '/after'],
    ['after=17', '/after'],
    ['after=dlv_', '/after'],
    ['after=dlv_-1', '/after'],
    ['after=dlv_01', '/after'],
    ['after=dlv_1-', '/after'],
    ['after=dlv_1%20', '/after'],
    ['after=dlv_1%0A', '/after'],
    ['after=dlv_9999999999999999999', '/after'],
    ['after=dlv_1&after=dlv_2', '/after'],
    ['status=lost', '/status'],
    ['status=', '/status'],
    ['status=dead&status=dead', '/status'],
    ['consumer=', '/consumer'],
    ['consumer=a&consumer=b', '/consumer'],
    ['consumer=%00', '/consumer'],
  ])('rejects the invalid query %s', async (query, pointer) => {
    expect(await pointersOf(await gateway.get(`${deliveries}?${query}`))).toEqual([pointer]);
  });

  it('reports all invalid parameters at once, as the issuances do', async () => {
    const wrong = 'limit=0&status=x&after=zzz';
    const pointers = ['/after', '/limit', '/status'];
    const rows = '/api/v1/kiip/issuances';
    expect(await pointersOf(await gateway.get(`${rows}?${wrong}&user_id=`))).toEqual([
      ...pointers,
      '/user_id',
    ]);
    expect(await pointersOf(await gateway.get(`${deliveries}?${wrong}&consumer=`))).toEqual(
      [...pointers, '/consumer'].toSorted(),
    );
  });

  it.each(['dlv_0', 'dlv_999999', 'dlv_999999999999999999', 'dlv_9999999999999999999', 'nope', '17'])(
    'answers 404 to a retry of the unknown delivery %s',
    async (id) => {
      expect(await statusAndType(await gateway.post(`${deliveries}/${id}/retry`, {}))).toEqual(notFound);
    },
  );

  it('rejects a retry with an invalid id', async () => {
    expect(await pointersOf(await gateway.post(`${deliveries}/%00/retry`, {}))).toEqual(['/id']);
    expect(await pointersOf(await gateway.post(`${deliveries}/${'x'.repeat(257)}/retry`, {}))).toEqual([
      '/id',
    ]);
  });

  it('retries a delivery at once under the same id, even if it was delivered', async () => {
    const [first] = await view.list('?consumer=up');
    const before = up.received.length;
    expect(await view.retry(first!.id)).toMatchObject({ id: first!.id, status: 'pending', attempts: 1 });
    await view.waitFor('the second delivery', ([again]) => again?.attempts === 2, '?consumer=up');
    expect(up.received.slice(before).map((call) => parseEvent(call).id)).toEqual([first!.issuance_id]);
  });

  describe('POST /api/v1/deliveries/replays', () => {
    const request = { consumer: 'up', ...window };

    it.each([
      [{}, ['/consumer', '/from', '/to']],
      [{ ...request, consumer: 'nobody' }, ['/consumer']],
      [{ ...request, consumer: '' }, ['/consumer']],
      [{ ...request, consumer: ['up'] }, ['/consumer']],
      [{ ...request, from: window.to, to: window.from }, ['/to']],
      [{ ...request, to: window.from }, ['/to']],
      [{ ...request, from: '2020-01-01' }, ['/from']],
      [{ ...request, from: 1_577_836_800_000 }, ['/from']],
      [{ ...request, to: '2021-02-29T00:00:00Z' }, ['/to']],
      [{ ...request, to: 'now' }, ['/to']],
      [{ ...request, dry_run: 'true' }, ['/dry_run']],
      [{ ...request, dry_run: 1 }, ['/dry_run']],
      [{ ...request, dry_run: null }, ['/dry_run']],
      [{ ...request, rate_per_second: 0 }, ['/rate_per_second']],
      [{ ...request, rate_per_second: 1_001 }, ['/rate_per_second']],
      [{ ...request, rate_per_second: 1.5 }, ['/rate_per_second']],
      [{ ...request, rate_per_second: '10' }, ['/rate_per_second']],
      [{ ...request, rate_per_second: null }, ['/rate_per_second']],
      [{ ...request, status: 'dead' }, ['/status']],
      [{ ...request, __proto__x: 1, constructor: 1 }, ['/constructor']],
    ])('rejects the invalid body %j', async (body, pointers) => {
      expect(await pointersOf(await gateway.post(replays, body))).toEqual(pointers);
      expect(await view.query('select from delivery_replays')).toEqual([]);
    });

    it('only counts entries in a dry run, from the first instant up to but excluding the second', async () => {
      const count = async (from: unknown, to: unknown) => {
        const response = await gateway.post(replays, { consumer: 'up', from, to, dry_run: true });
        expect(response.status).toBe(200);
        return json(response);
      };
      const { items } = await gateway.read('/issuances');
      const at = items.map((row) => String(row['received_at']));
      expect(await count(window.from, window.to)).toEqual({ id: null, count: 6 });
      expect(await count(at[2], at[4])).toEqual({ id: null, count: 2 });
      expect(await count('2100-01-01T00:00:00Z', '2101-01-01T00:00:00Z')).toEqual({ id: null, count: 0 });
      expect(await count('0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z')).toEqual({ id: null, count: 6 });
      expect(await view.query('select from delivery_replays')).toEqual([]);
    });

    it('sends the entries again at the given rate under the same ids, and reports its progress', async () => {
      const before = up.received.length;
      const response = await gateway.post(replays, { ...request, rate_per_second: 2 });
      expect(response.status).toBe(202);
      const { id, count } = await json(response);
      expect(count).toBe(6);
      const state = async () => json(await gateway.get(`${deliveries}/replays/${String(id)}`));
      await waitFor('the replay is finished', async () => (await state())['finished_at'] !== null);
      const last = await state();
      expect(last).toEqual({
        id,
        consumer: 'up',
        status: 'finished',
        requested_by: 'tester',
        request_id: expect.any(String),
        from: '2020-01-01T00:00:00.000Z',
        // The window ends now at the latest.
        to: expect.stringMatching(/^20\d\d-/) as string,
        count: 6,
        done: 6,
        created_at: expect.any(String) as string,
        finished_at: expect.any(String) as string,
      });
      expect(Date.parse(String(last['to']))).toBeLessThanOrEqual(Date.now());
      const tookMs = Date.parse(String(last['finished_at'])) - Date.parse(String(last['created_at']));
      expect(tookMs).toBeGreaterThanOrEqual(3_000);
      await view.waitFor('all are delivered', (items) => items.length === 6, '?consumer=up&status=delivered');
      expect(up.received.slice(before).map((call) => parseEvent(call).id)).toEqual(ids);
    });

    it('answers 404 for an unknown replay and 400 for an invalid id', async () => {
      const unknown = await gateway.get(`${deliveries}/replays/6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1`);
      expect(await statusAndType(unknown)).toEqual(notFound);
      for (const id of ['x', '17', '6D0F0E0B-4F0E-4A39-9D0F-5A86A2C1F6A1', '%00'])
        expect(await pointersOf(await gateway.get(`${deliveries}/replays/${id}`))).toEqual(['/id']);
    });
  });
});

describe('GET /api/v1/kiip/reconciliation', () => {
  let kiip: KiipSandbox;
  const since = new Date(Date.now() - 60_000).toISOString();

  beforeAll(async () => {
    up = await startCallbackReceiver();
    kiip = await startKiipSandbox({ appKey: kiipAppKey, appSecret: 'test_app_secret_0001' });
    gateway = await startKiipGateway({
      DELIVERY_CONSUMERS: consumersConfig(up.url),
      KIIP_BASE_URL: kiip.url,
      KIIP_APP_KEY: kiipAppKey,
      SHUTDOWN_GRACE_SECONDS: '2',
    });
    view = new DeliveryView(gateway);
    kiip.configure({ virtualValue: true });
    kiip.setCallbackUrl(`${gateway.url}/callbacks/kiip`);
  });
  afterAll(async () => {
    await gateway.close();
    await kiip.close();
    await up.close();
  });

  it.each([
    ['', ['/from', '/to']],
    ['from=2020-01-01T00:00:00Z', ['/to']],
    ['from=2020-01-01T00:00:00Z&to=2020-01-01T00:00:00Z', ['/to']],
    ['from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z', ['/to']],
    ['from=yesterday&to=2020-01-01T00:00:00Z', ['/from']],
    ['from=2020-01-01T00:00:00Z&to=2020-02-30T00:00:00Z', ['/to']],
    ['from=2020-01-01T00:00:00Z&from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z', ['/from']],
    ['from=1920-01-01T00:00:00Z&to=2020-01-01T00:00:00Z', ['/from']],
    ['from=1920-01-01T00:00:00Z&to=2100-01-01T00:00:00Z', ['/from']],
  ])('rejects the invalid query "%s"', async (query, pointers) => {
    expect(await pointersOf(await gateway.get(`/api/v1/kiip/reconciliation?${query}`))).toEqual(pointers);
  });

  it('lists a reward with a currency until its callback arrives', async () => {
    const moment = async (userid: string) => {
      const response = await gateway.post('/api/v1/kiip/moments', momentOf(userid));
      return String(((await json(response))['reward'] as Record<string, unknown>)['id']);
    };
    const first = await moment('user-1');
    const second = await moment('user-2');
    kiip.configure({ virtualValue: false });
    await moment('user-3');
    expect(await rewardsWithoutCallback()).toEqual(
      [
        { reward_id: first, user_id: 'user-1' },
        { reward_id: second, user_id: 'user-2' },
      ].map((reward) => ({
        ...reward,
        moment_id: momentOf('').moment.id,
        virtual_value: '20',
        rewarded_at: expect.any(String) as string,
      })),
    );
    expect(await kiip.redeem(second)).toMatchObject({ status: 200 });
    expect((await rewardsWithoutCallback()).map(({ reward_id }) => reward_id)).toEqual([first]);
    expect(await kiip.redeem(first)).toMatchObject({ status: 200 });
    expect(await rewardsWithoutCallback()).toEqual([]);
    const earlier = await gateway.read(`/reconciliation?from=2020-01-01T00:00:00Z&to=${since}`);
    expect(earlier).toMatchObject({ accepted: 0, delivered: 0, rewards_without_callback: [] });
    await waitForStatus(2, 'delivered');
  });

  it('adds up whatever the state of the entries, and reports an entry whose delivery is missing', async () => {
    const quarantine = async (name: string) => {
      const { body } = await gateway.callback(redemption({ name }));
      expect(body['status']).toBe('quarantined');
      return String(body['id']);
    };
    await view.record();
    await waitForStatus(3, 'delivered');
    up.answer(400);
    await view.record();
    await view.waitFor('the rejection is recorded', ([first]) => first?.attempts === 1, '?status=pending');
    await view.query(
      `update deliveries set schedule_started_at = '2020-01-01', next_attempt_at = now() where status = 'pending'`,
    );
    up.answer(400, 400);
    await waitForStatus(1, 'dead');
    await view.record();
    await view.waitFor('the rejection is recorded', ([first]) => first?.attempts === 1, '?status=pending');
    await quarantine('Coins2');
    const discarded = await quarantine('Coins3');
    await gateway.post(`/api/v1/kiip/issuances/${discarded}/discard`, {});
    const totals = { delivered: 3, pending: 1, dead: 1, quarantined: 1, discarded: 1, missing: 0 };
    expect(await view.totals()).toMatchObject({ ...totals, accepted: 7, rewards_without_callback: [] });
    // Proves that a missing delivery is detected.
    const [lost] = await view.list('?status=delivered&limit=1');
    const number = lost!.id.replace('dlv_', '');
    await view.query(`delete from delivery_attempts where delivery_id = ${number}`);
    await view.query(`delete from deliveries where id = ${number}`);
    expect(await view.totals()).toMatchObject({ ...totals, delivered: 2, missing: 1, accepted: 7 });
  });
});
