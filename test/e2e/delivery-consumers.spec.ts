import type { Environment } from '../../src/config/read-config.js';
import type { CallbackReceiver, ReceiverResponse } from '../support/callback-receiver.js';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import { consumer, parseEvent } from '../support/consumer.js';
import { DeliveryView, expectValidSignature, expectSameEvent } from '../support/deliveries.js';
import { freePort } from '../support/free-port.js';
import { startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import {
  EndlessBody,
  closeAfter,
  dripAfter,
  notHttp,
  resetAfter,
  resetBeforeHeaders,
} from '../support/malformed-responses.js';
import { waitFor } from '../support/wait-for.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';

/** What a group of tests closes, in this order. */
type Closing = (() => Promise<unknown>)[];

async function receiver(closing: Closing): Promise<CallbackReceiver> {
  const started = await startCallbackReceiver();
  closing.push(() => started.close());
  return started;
}

/** Starts a gateway with one consumer for each URL; it is closed before the receivers. */
async function gatewayFor(closing: Closing, urls: Record<string, string>, env: Environment = {}) {
  const consumers = Object.entries(urls).map(([name, url]) => consumer(url, { name }));
  const gateway = await startKiipGateway({
    DELIVERY_CONSUMERS: JSON.stringify(consumers),
    SHUTDOWN_GRACE_SECONDS: '2',
    ...env,
  });
  closing.unshift(() => gateway.close());
  await waitFor('the gateway is ready', async () => (await gateway.get('/health/ready')).ok);
  return gateway;
}

const closeAll = async (closing: Closing) => {
  for (const close of closing.splice(0)) await close();
};
/** Ends the backoff of all pending deliveries. */
const makeDue = (view: DeliveryView) =>
  view.query(`update deliveries set next_attempt_at = now() where status = 'pending'`);
const sentTo = ({ received }: CallbackReceiver) => received.map((call) => parseEvent(call).id);
const inSeconds = (seconds: number) => new Date(Math.ceil(Date.now() / 1_000 + seconds) * 1_000);

const moved = (status: number): ReceiverResponse => ({ status, headers: { location: 'set below' } });
const busy = (status: number, retryAfter: string): ReceiverResponse => ({
  status,
  headers: { 'retry-after': retryAfter },
});

// One event is sent to consumers that respond in every possible way before all other tests: its attempt without a response ends
// after 10 s, and its retries begin after 5 s. The last group of tests checks its deliveries.
const ATTEMPT_TIMEOUT_MS = 10_000;
const endless = { '200': new EndlessBody(200), '500': new EndlessBody(500) };
const noise = { status: 200, body: '\u0000\u0001no gzip', headers: { 'content-encoding': 'gzip' } };
const later = inSeconds(7_200);
const accepted: Record<string, [ReceiverResponse, number]> = {
  ok: [200, 200],
  created: [201, 201],
  empty: [{ status: 204, body: '' }, 204],
  'last-of-2xx': [299, 299],
  'ok-asking-for-time': [busy(200, '3600'), 200],
  'ok-noise': [noise, 200],
  'ok-endless': [endless['200'].respond, 200],
  'ok-reset': [resetAfter(200), 200],
  'ok-cut': [closeAfter(200), 200],
  'ok-drip': [dripAfter(200), 200],
};
const rejected: Record<string, [ReceiverResponse, number | null, string]> = {
  'moved-301': [moved(301), 301, 'redirect not followed'],
  'moved-302': [moved(302), 302, 'redirect not followed'],
  'moved-307': [moved(307), 307, 'redirect not followed'],
  'moved-308': [moved(308), 308, 'redirect not followed'],
  'not-modified': [{ status: 304, body: '' }, 304, 'redirect not followed'],
  'bad-request': [400, 400, 'rejected'],
  'not-found': [404, 404, 'rejected'],
  gone: [410, 410, 'gone'],
  broken: [500, 500, 'rejected'],
  'bad-gateway': [502, 502, 'rejected'],
  'broken-noise': [{ ...noise, status: 500 }, 500, 'rejected'],
  'broken-endless': [endless['500'].respond, 500, 'rejected'],
  'broken-reset': [resetAfter(500), 500, 'rejected'],
  'busy-seconds': [busy(429, '3600'), 429, 'rejected'],
  'busy-date': [busy(503, later.toUTCString()), 503, 'rejected'],
  'busy-past': [busy(503, 'Thu, 01 Jan 1970 00:00:00 GMT'), 503, 'rejected'],
  'busy-nonsense': [busy(429, 'soon'), 429, 'rejected'],
  // In Jest, errors of Node.js and undici come from another realm, so that their codes are unknown.
  reset: [resetBeforeHeaders, null, 'no response (ECONNRESET)'],
  'no-http': [notHttp, null, 'no response (unknown)'],
  down: [200, null, 'no response (ECONNREFUSED)'],
  hanging: ['hang', null, 'no response in time'],
};
const all = { ...accepted, ...rejected };
const names = Object.keys(rejected);
/** Consumers whose next attempt is hours away, or never made. */
const postponed = ['busy-seconds', 'busy-date', 'gone'];
const retriedSoon = names.filter((name) => ![...postponed, 'down', 'hanging'].includes(name));

const servers: Record<string, CallbackReceiver> = {};
let elsewhere: CallbackReceiver;
let gateway: KiipGateway;
let view: DeliveryView;
let id: string;
const closingEvery: Closing = [];

beforeAll(async () => {
  elsewhere = await receiver(closingEvery);
  const urls: Record<string, string> = {};
  for (const [name, [response]] of Object.entries(all)) {
    const server = await receiver(closingEvery);
    servers[name] = server;
    urls[name] = name === 'down' ? `http://127.0.0.1:${await freePort()}` : server.url;
    const location = `${elsewhere.url}/stolen`;
    server.answer(
      typeof response === 'object' && response.headers?.['location']
        ? { ...response, headers: { location } }
        : response,
    );
  }
  gateway = await gatewayFor(closingEvery, urls);
  view = new DeliveryView(gateway);
  id = await view.record();
  await view.waitFor(
    'each delivery has an attempt, but for the one that gets no response',
    (items) =>
      items.length === Object.keys(all).length &&
      items.every(({ consumer: name, attempts }) => attempts > 0 || name === 'hanging'),
  );
});
afterAll(() => closeAll(closingEvery));

/** Finds the delivery to one consumer. */
const deliveryTo = async (name: string) => (await view.list(`?consumer=${name}`))[0]!;
const pendingTo = async (name: string) =>
  (await view.pending()).find(({ consumer: found }) => found === name)!;

describe('delivery to a failing consumer', () => {
  const closing: Closing = [];
  let wallet: CallbackReceiver;
  let view: DeliveryView;

  beforeAll(async () => {
    wallet = await receiver(closing);
    view = new DeliveryView(await gatewayFor(closing, { wallet: wallet.url }));
  });
  beforeEach(async () => {
    await view.query('truncate ledger cascade');
    wallet.reset();
  });
  afterAll(() => closeAll(closing));

  const arrived = (calls: number) => waitFor(`${calls} calls`, () => wallet.received.length >= calls);
  const times = () => wallet.received.map(({ atMs }) => atMs);

  it('continues with other events while single events are rejected', async () => {
    // More failures than open the circuit breaker; none is retried by itself while the test runs.
    wallet.answer(...[400, 422, 400, 413, 400, 422, 400].map((status) => busy(status, '3600')));
    const poison: string[] = [];
    for (let count = 0; count < 7; count += 1) {
      poison.push(await view.record());
      await arrived(count + 1);
    }
    const good = await view.record();
    await view.waitFor(
      'each delivery has an attempt',
      (items) => items.length === 8 && items.every(({ attempts }) => attempts === 1),
    );
    expect((await view.list('?status=delivered')).map(({ issuance_id }) => issuance_id)).toEqual([good]);
    // None of them delayed the next one.
    expect(sentTo(wallet)).toEqual([...poison, good]);
    await makeDue(view);
    await view.waitFor('all deliveries are complete', (items) =>
      items.every(({ status }) => status === 'delivered'),
    );
    for (const id of poison) expectSameEvent(wallet.received.filter((call) => parseEvent(call).id === id));
    expect(wallet.received).toHaveLength(15);
  });

  it('stops after five consecutive failures, then tries one event, then sends all', async () => {
    wallet.answer(500, 500, 500, 500, 500);
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      ids.push(await view.record());
      await arrived(count + 1);
    }
    ids.push(await view.record());
    await arrived(6);
    expect(times()[5]! - times()[4]!).toBeGreaterThanOrEqual(3_750);
    await view.waitFor('all deliveries are complete', (items) =>
      items.every(({ status }) => status === 'delivered'),
    );
    expect(new Set(sentTo(wallet))).toEqual(new Set(ids));
    expect(wallet.maxOpen()).toBeLessThanOrEqual(8);
    expectSameEvent(wallet.received.filter((call) => parseEvent(call).id === ids[0]));
  });

  it.each([
    ['in seconds', 429, () => ['2', 2_000] as const],
    [
      'by a date',
      503,
      () => {
        const at = inSeconds(2);
        return [at.toUTCString(), at.getTime() - Date.now()] as const;
      },
    ],
  ])('sends nothing at all until the time in Retry-After, given %s', async (_, status, ask) => {
    const [retryAfter, leastMs] = ask();
    const askedAtMs = performance.now();
    wallet.answer({ status, headers: { 'retry-after': retryAfter } });
    await view.record();
    await view.waitFor('the rejection is recorded', ([first]) => first?.last_status === status);
    const other = await view.record();
    await arrived(2);
    // The wall clock and the monotonic clock may differ slightly.
    expect(times()[1]! - askedAtMs).toBeGreaterThanOrEqual(leastMs - 5);
    expect(sentTo(wallet)[1]).toBe(other);
    await makeDue(view);
    await view.waitFor('both deliveries are complete', (items) =>
      items.every(({ status: now }) => now === 'delivered'),
    );
  });

  it('makes a last attempt at the end of three days, then moves the delivery to the dead letters, from where a retry brings it back', async () => {
    wallet.answer(500, 503, 502);
    await view.record();
    await view.waitFor('the first attempt', ([first]) => first?.attempts === 1);
    const age = (ago: string) =>
      view.query(
        `update deliveries set schedule_started_at = now() - interval '${ago}', next_attempt_at = now()`,
      );
    await view.query('update deliveries set schedule_attempts = 18');
    await age('71 hours 59 minutes 30 seconds');
    await view.waitFor('the second attempt', ([first]) => first?.attempts === 2);
    const [last] = await view.pending();
    expect(last!.waitsMs).toBeGreaterThan(15_000);
    expect(last!.waitsMs).toBeLessThanOrEqual(30_000);
    await age('72 hours');
    await view.waitFor('the delivery is dead', ([first]) => first?.status === 'dead');
    const [dead] = await view.list();
    expect(dead).toMatchObject({ attempts: 3, last_status: 502, next_attempt_at: null });
    expect(await view.totals()).toMatchObject({ accepted: 1, dead: 1, missing: 0 });
    expect(await view.retry(dead!.id)).toMatchObject({ id: dead!.id, status: 'pending', attempts: 3 });
    await view.waitFor('the delivery is complete', ([first]) => first?.status === 'delivered');
    expect(await view.list()).toMatchObject([{ attempts: 4, last_status: 200 }]);
    expectSameEvent(wallet.received);
    expect(await view.totals()).toMatchObject({ delivered: 1, dead: 0 });
  });
});

describe('delivery to a consumer that responds 410', () => {
  const closing: Closing = [];
  let database: TestDatabase;
  let left: CallbackReceiver;
  let other: CallbackReceiver;
  let view: DeliveryView;

  const start = async (path = '') =>
    new DeliveryView(await gatewayFor(closing, { left: left.url + path, other: other.url }, database.env));
  /** Records events, each of which notifies every consumer worker, and waits until the other consumer has them. */
  const deliver = async (count: number) => {
    const ids: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const before = other.received.length;
      ids.push(await view.record());
      await waitFor('the other consumer has it', () => other.received.length > before);
    }
    return ids;
  };
  const gone = async () => {
    left.answer(410);
    const [id] = await deliver(1);
    await view.waitFor('the 410 is recorded', ([first]) => first?.last_status === 410, '?consumer=left');
    return id!;
  };

  beforeEach(async () => {
    database = await newDatabase();
    left = await receiver(closing);
    other = await receiver(closing);
  });
  afterEach(async () => {
    await closeAll(closing);
    await database.drop();
  });

  it('is paused, also after a restart, until a delivery is retried', async () => {
    view = await start();
    const ids = [await gone()];
    await makeDue(view);
    ids.push(...(await deliver(3)));
    await closing.shift()!();
    view = await start();
    ids.push(...(await deliver(3)));
    expect(sentTo(left)).toEqual([ids[0]]);
    expect(sentTo(other)).toEqual(ids);
    const waiting = await view.list('?consumer=left');
    expect(waiting.map(({ status, attempts }) => [status, attempts])).toEqual(
      ids.map((_, index) => ['pending', index === 0 ? 1 : 0]),
    );
    await view.retry(waiting[3]!.id);
    await makeDue(view);
    await view.waitFor('all deliveries are complete', (items) =>
      items.every(({ status }) => status === 'delivered'),
    );
    expect(sentTo(left)).toHaveLength(ids.length + 1);
    expect(new Set(sentTo(left))).toEqual(new Set(ids));
  });

  it('resumes when the URL of the consumer changes', async () => {
    view = await start('/old');
    const ids = [await gone(), ...(await deliver(2))];
    await closing.shift()!();
    view = await start('/new');
    await makeDue(view);
    await view.waitFor('all deliveries are complete', (items) =>
      items.every(({ status }) => status === 'delivered'),
    );
    expect(left.received.map(({ path }) => path)).toEqual(['/old', '/new', '/new', '/new']);
    expect(new Set(sentTo(left))).toEqual(new Set(ids));
  });

  describe('from one of two replicas', () => {
    it('is paused in the other replica as well', async () => {
      view = await start();
      const ids = [await gone()];
      view = await start();
      ids.push(...(await deliver(5)));
      expect(sentTo(left)).toEqual([ids[0]]);
      expect(sentTo(other)).toEqual(ids);
    });
  });
});

describe('delivery of one event to consumers that respond in every possible way', () => {
  it.each(Object.entries(accepted))('is complete after the response %s', async (name, [, status]) => {
    expect(await deliveryTo(name)).toMatchObject({
      issuance_id: id,
      status: 'delivered',
      attempts: 1,
      last_status: status,
      next_attempt_at: null,
    });
    expect(sentTo(servers[name]!)).toEqual([id]);
    expectValidSignature(servers[name]!.received[0]!);
  });

  it.each(Object.entries(rejected))(
    'stays pending after %s and records the outcome of the attempt',
    async (name, [, status, outcome]) => {
      await waitFor('the first attempt has ended', async () => (await deliveryTo(name)).attempts > 0);
      const { timeline } = (await gateway.read(`/issuances/${id}`)) as unknown as {
        timeline: { event: string; consumer?: string; status?: number; detail?: string }[];
      };
      const [first] = timeline.filter((entry) => entry.event === 'attempted' && entry.consumer === name);
      expect(first).toMatchObject({ detail: outcome, ...(status === null ? {} : { status }) });
    },
  );

  it.each(['200', '500'] as const)(
    'reads only the beginning of an endless response body after status %s',
    async (status) => {
      const body = endless[status];
      await waitFor('the connection has ended', () => body.sentBytes !== undefined);
      expect(body.sentBytes).toBeGreaterThanOrEqual(8_192);
      // 8 KiB are read; the rest was in socket buffers, since both ends share one process. 16 KiB in all were measured.
      expect(body.sentBytes).toBeLessThan(65_536);
    },
  );

  it('waits no longer than 10 s for a response', async () => {
    const [{ durationMs }] = (await view.query(
      `select duration_ms as "durationMs" from delivery_attempts join deliveries on id = delivery_id where consumer = 'hanging' and number = 1`,
    )) as [{ durationMs: number }];
    expect(durationMs).toBeGreaterThanOrEqual(ATTEMPT_TIMEOUT_MS - 5);
    expect(durationMs).toBeLessThan(2 * ATTEMPT_TIMEOUT_MS);
  });

  it.each(retriedSoon)('is retried for %s: the same event with a new signature', async (name) => {
    await view.waitFor('the delivery', ([delivery]) => delivery!.status === 'delivered', `?consumer=${name}`);
    expect(await deliveryTo(name)).toMatchObject({ attempts: 2, last_status: 200, next_attempt_at: null });
    const calls = servers[name]!.received;
    expect(calls).toHaveLength(2);
    expectSameEvent(calls);
    expect(calls[1]!.atMs - calls[0]!.atMs).toBeGreaterThanOrEqual(4_500);
    const [first, second] = calls.map((call) => Number(parseEvent(call).timestamp));
    expect(second! - first!).toBeGreaterThanOrEqual(4);
  });

  it('backs off about twice as long after each attempt to a consumer that is down', async () => {
    await waitFor('the second attempt', async () => (await deliveryTo('down')).attempts > 1);
    const { attempts, waitsMs } = await pendingTo('down');
    const pauseMs = 5_000 * 2 ** (attempts - 1);
    expect(waitsMs).toBeGreaterThanOrEqual(0.9 * pauseMs);
    expect(waitsMs).toBeLessThanOrEqual(1.1 * pauseMs + 2);
    expect(await deliveryTo('down')).toMatchObject({ status: 'pending', last_status: null });
  });

  it('obeys Retry-After: never earlier, and not much later', async () => {
    const { attempts, waitsMs } = await pendingTo('busy-seconds');
    expect(attempts).toBe(1);
    expect(waitsMs).toBeGreaterThanOrEqual(3_600_000);
    expect(waitsMs).toBeLessThanOrEqual(1.1 * 3_600_000 + 2);
    const next = Date.parse((await deliveryTo('busy-date')).next_attempt_at!);
    expect(next).toBeGreaterThanOrEqual(later.getTime());
    expect(next).toBeLessThanOrEqual(later.getTime() + 0.1 * 7_200_000 + 60_000);
    for (const name of postponed) expect(sentTo(servers[name]!)).toEqual([id]);
  });

  it('never follows a redirect', () => {
    expect(elsewhere.received).toEqual([]);
  });
});
