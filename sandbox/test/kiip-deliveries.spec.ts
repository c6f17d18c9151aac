import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { startKiipSandbox } from '../src/kiip/start-kiip-sandbox.js';
import type { KiipSandbox } from '../src/kiip/kiip-sandbox.js';
import { membersOf, startCallbackReceiver } from '../../test/support/callback-receiver.js';
import type { CallbackReceiver } from '../../test/support/callback-receiver.js';
import { waitFor } from '../../test/support/wait-for.js';

let receiver: CallbackReceiver;
let sandbox: KiipSandbox;

beforeAll(async () => {
  receiver = await startCallbackReceiver();
  sandbox = await startKiipSandbox();
});
beforeEach(() => {
  sandbox.reset();
  sandbox.setCallbackUrl(`${receiver.url}/callbacks/kiip`);
  receiver.reset();
});
afterAll(async () => {
  await sandbox.close();
  await receiver.close();
});

const readings = (): string[] => receiver.received.map(({ body }) => body);
const users = (): unknown[] => readings().map((body) => membersOf(body)['user_id']);

describe('several callbacks of the Kiip sandbox', () => {
  const specs = ['a', 'b', 'c', 'd'].map((user_id) => ({ user_id }));

  it('are sent in turn, each after the response to the previous one', async () => {
    const deliveries = await sandbox.sendCallbacks(specs);
    expect([users(), receiver.maxOpen()]).toEqual([['a', 'b', 'c', 'd'], 1]);
    expect(deliveries.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  });

  it('are sent in reverse order, or in a random order that is the same in every run', async () => {
    const deliveries = await sandbox.sendCallbacks(specs, { order: 'reversed' });
    expect(users()).toEqual(['d', 'c', 'b', 'a']);
    expect(deliveries.map(({ sent }) => membersOf(sent)['user_id'])).toEqual(['a', 'b', 'c', 'd']);
    const orders: unknown[][] = [];
    for (let run = 0; run < 2; run += 1) {
      sandbox.reset();
      receiver.reset();
      await sandbox.sendCallbacks(specs, { order: 'shuffled' });
      orders.push(users());
    }
    expect(orders[0]).toEqual(orders[1]);
    expect(orders[0]).not.toEqual(['a', 'b', 'c', 'd']);
  });

  it('can be sent at the same time', async () => {
    receiver.gather(4);
    await sandbox.sendCallbacks(specs, { order: 'at-once' });
    expect(receiver.maxOpen()).toBe(4);
  });

  it('can be delayed and overtake each other', async () => {
    const [late] = await sandbox.sendCallbacks([{ user_id: 'late', delayMs: 60_000 }, { user_id: 'early' }]);
    expect(late).toMatchObject({ state: 'waiting', attempts: 0, nextAttemptAt: expect.any(Number) });
    sandbox.advance(59_000);
    await sandbox.settled();
    expect(users()).toEqual(['early']);
    sandbox.advance(1_000);
    await sandbox.settled();
    expect(users()).toEqual(['early', 'late']);
  });

  it('can be delayed in real time', async () => {
    await sandbox.sendCallback({ delayMs: 15 });
    expect(sandbox.deliveries()).toMatchObject([{ state: 'waiting' }]);
    await waitFor('it is accepted', () => sandbox.deliveries()[0]?.state === 'accepted');
    expect(receiver.received).toHaveLength(1);
  });
});

describe('a delivery of a callback by the Kiip sandbox', () => {
  it.each([200, 201, 204])('is accepted by %d', async (status) => {
    receiver.answer({ status, body: status === 204 ? '' : '{"status":"recorded"}' });
    expect(await sandbox.sendCallback()).toMatchObject({
      id: 1,
      url: `${receiver.url}/callbacks/kiip`,
      contentType: 'application/x-www-form-urlencoded',
      state: 'accepted',
      attempts: 1,
      status,
      body: status === 204 ? '' : '{"status":"recorded"}',
      error: null,
      nextAttemptAt: null,
    });
  });

  it.each([301, 307, 400, 401, 403, 500, 503])('fails with %d and follows no redirect', async (status) => {
    receiver.answer({ status, body: 'why', headers: { location: `${receiver.url}/elsewhere` } });
    expect(await sandbox.sendCallback()).toMatchObject({ state: 'failed', status, body: 'why' });
    expect(receiver.received).toHaveLength(1);
  });

  it('takes at most 5 s, or the configured time', async () => {
    expect(sandbox.configure({})).toMatchObject({ callbackTimeoutMs: 5_000 });
    sandbox.configure({ callbackTimeoutMs: 500 });
    receiver.answer('hang');
    const delivery = await sandbox.sendCallback();
    expect(delivery).toMatchObject({ state: 'failed', status: null, error: 'ETIMEDOUT', body: '' });
    expect(delivery.durationMs).toBeGreaterThan(15);
    expect(delivery.durationMs).toBeLessThan(4_000);
  });

  it('reports why there was no response', async () => {
    const dead = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => dead.once('listening', resolve));
    const { port } = dead.address() as AddressInfo;
    dead.on('connection', (socket) => socket.resetAndDestroy());
    sandbox.setCallbackUrl(`http://127.0.0.1:${port}/`);
    expect(await sandbox.sendCallback()).toMatchObject({ status: null, error: 'ECONNRESET' });
    await new Promise((resolve) => dead.close(resolve));
    expect(await sandbox.sendCallback()).toMatchObject({ status: null, error: 'ECONNREFUSED' });
    await expect(new Promise((_, reject) => connect(port).on('error', reject))).rejects.toThrow(
      'ECONNREFUSED',
    );
  });

  it('is recorded with all its attempts, as a copy', async () => {
    const delivery = await sandbox.sendCallback();
    expect(sandbox.deliveries()).toEqual([delivery]);
    delivery.history.length = 0;
    expect(sandbox.deliveries()[0]?.history).toEqual([
      { at: expect.any(Number), status: 200, body: 'OK', durationMs: expect.any(Number), error: null },
    ]);
  });

  it('is aborted by a reset, which also removes waiting ones', async () => {
    receiver.answer('hang');
    const broken = sandbox.sendCallback();
    await sandbox.sendCallback({ delayMs: 1_000 });
    sandbox.reset();
    expect(await broken).toMatchObject({ status: null, error: expect.any(String) });
    sandbox.advance(1_000);
    await sandbox.settled();
    expect(sandbox.deliveries()).toEqual([]);
    expect(receiver.received.length).toBeLessThanOrEqual(1);
  });
});

describe('the retries of the Kiip sandbox', () => {
  const MINUTE_MS = 60_000;
  const HOUR_MS = 60 * MINUTE_MS;

  /** Minutes between the attempts at one callback, as far as there is a next one. */
  async function gapsInMinutes(most: number): Promise<number[]> {
    const gaps: number[] = [];
    await sandbox.sendCallback();
    while (gaps.length < most) {
      const [{ nextAttemptAt, history } = { nextAttemptAt: null, history: [] }] = sandbox.deliveries();
      const last = history.at(-1);
      if (nextAttemptAt === null || !last) break;
      gaps.push(Math.round((nextAttemptAt - last.at) / MINUTE_MS));
      sandbox.advance(nextAttemptAt - last.at);
      await sandbox.settled();
    }
    return gaps;
  }

  it('do not happen by default', async () => {
    receiver.answer(500);
    expect(await gapsInMinutes(9)).toEqual([]);
    expect(sandbox.deliveries()).toMatchObject([{ state: 'failed', attempts: 1 }]);
  });

  it('come every 5 minutes until the response is 200, with the policy of Tapjoy', async () => {
    sandbox.configure({ retryPolicy: 'tapjoy' });
    receiver.answer(500, 401, 201, 503, 200);
    expect(await gapsInMinutes(9)).toEqual([5, 5, 5, 5]);
    expect(sandbox.deliveries()).toMatchObject([{ state: 'accepted', attempts: 5, status: 200 }]);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  });

  it('end with a 403 or after 4 days, with the policy of Tapjoy', async () => {
    sandbox.configure({ retryPolicy: 'tapjoy' });
    receiver.answer(500, 403);
    expect(await gapsInMinutes(9)).toEqual([5]);
    expect(sandbox.deliveries()).toMatchObject([{ state: 'failed', status: 403 }]);
    sandbox.reset();
    sandbox.configure({ retryPolicy: 'tapjoy' });
    receiver.answer(500, 500);
    await sandbox.sendCallback();
    sandbox.advance(96 * HOUR_MS);
    await sandbox.settled();
    expect(sandbox.deliveries()).toMatchObject([{ state: 'failed', attempts: 2, nextAttemptAt: null }]);
  });

  it('come five times with the policy of Buzzvil', async () => {
    sandbox.configure({ retryPolicy: 'buzzvil' });
    receiver.answer(500, 500, 500, 500, 500, 500);
    expect(await gapsInMinutes(9)).toEqual([1, 10, 60, 180, 1440]);
    expect(sandbox.deliveries()).toMatchObject([{ state: 'failed', attempts: 6 }]);
  });

  it('come twice after a timeout, and after no other failure', async () => {
    sandbox.configure({ retryPolicy: 'time-out', callbackTimeoutMs: 500 });
    receiver.answer('hang', 'hang', 'hang');
    await sandbox.sendCallback();
    for (let retry = 0; retry < 3; retry += 1) {
      sandbox.advance(5_000);
      await sandbox.settled();
    }
    sandbox.configure({ callbackTimeoutMs: 5_000 });
    receiver.answer(500);
    await sandbox.sendCallback();
    expect(sandbox.deliveries()).toMatchObject([
      { state: 'failed', attempts: 3, error: 'ETIMEDOUT' },
      { state: 'failed', attempts: 1, status: 500 },
    ]);
  });
});

describe('a callback scenario of the Kiip sandbox', () => {
  it('sends the same callback twice', async () => {
    await sandbox.playScenario('same-twice');
    expect(readings()[0]).toBe(readings()[1]);
  });

  it('sends the same callback twenty times at once', async () => {
    receiver.gather(20);
    await sandbox.playScenario('same-at-once');
    expect([new Set(readings()).size, receiver.maxOpen()]).toEqual([1, 20]);
  });

  it('sends the same id with other payloads', async () => {
    await sandbox.playScenario('same-id-other-payload');
    const [first, ...others] = readings().map(membersOf);
    expect(
      others.map((members) => [members['transaction_id'], members['signature'] === first?.['signature']]),
    ).toEqual([
      [first?.['transaction_id'], false],
      [first?.['transaction_id'], false],
    ]);
  });

  it('moves the boundaries of V5 to V8, each pair under one signature', async () => {
    await sandbox.playScenario('moved-boundaries');
    const signatures = readings().map((body) => membersOf(body)['signature']);
    expect(new Set(readings()).size).toBe(8);
    for (const first of [0, 2, 4, 6]) expect(signatures[first]).toBe(signatures[first + 1]);
    expect(new Set(signatures).size).toBe(4);
  });

  it('sends every signature, every quantity and every kind of data', async () => {
    expect(await sandbox.playScenario('signatures')).toHaveLength(8);
    expect(await sandbox.playScenario('quantities')).toHaveLength(8);
    expect(await sandbox.playScenario('data')).toHaveLength(10);
    expect(new Set(readings()).size).toBe(26);
  });

  it('sends the later events of a reward before its redemption', async () => {
    const deliveries = await sandbox.playScenario('out-of-order');
    expect(deliveries.map(({ kind }) => kind)).toEqual(['issuance', 'issuance', 'redemption']);
    const sent = readings().map(membersOf);
    expect(new Set(sent.map((members) => members['transaction_id'])).size).toBe(1);
    expect(sent.map((members) => members['origin'])).toEqual(['purchase', 'install', undefined]);
  });
});
