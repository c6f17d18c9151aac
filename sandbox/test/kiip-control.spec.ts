import { startKiipSandbox } from '../src/kiip/start-kiip-sandbox.js';
import type { KiipSandbox } from '../src/kiip/kiip-sandbox.js';
import { startCallbackReceiver } from '../../test/support/callback-receiver.js';
import type { CallbackReceiver } from '../../test/support/callback-receiver.js';
import { json, KiipClient, MOMENT } from './support/kiip-client.js';

let receiver: CallbackReceiver;
let sandbox: KiipSandbox;
let kiip: KiipClient;

beforeAll(async () => {
  receiver = await startCallbackReceiver();
  sandbox = await startKiipSandbox();
  kiip = new KiipClient(sandbox);
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

const asked = async (method: string, path: string, body?: unknown): Promise<unknown> =>
  json(await kiip.control(method, path, body));

describe('the control API of the Kiip sandbox', () => {
  it('lists its routes, the fault kinds and the variants of a callback', async () => {
    const text = (await kiip.control('GET', '')).body.toString();
    for (const words of [
      'POST   /__sandbox/callbacks/scenario    play one: {"name": "same-twice|',
      'GET    /__sandbox/requests ',
      '?route=session|moment|reward|other',
      'any of route, user, program, account, device, moment, times',
      'slow (delayMs)',
      'signature       valid, upper-case,',
      'variant         unknown-user,',
    ]) {
      expect(text).toContain(words);
    }
  });

  it('changes and shows the settings', async () => {
    const changed = await asked('PATCH', '/settings', { momentRule: 'never', currencyName: 'Gems' });
    expect(changed).toMatchObject({ momentRule: 'never', currencyName: 'Gems', everyNth: 3 });
    expect(await asked('GET', '/settings')).toEqual(changed);
    expect(await kiip.reward()).not.toHaveProperty('view');
  });

  it('shows sessions, rewards and the requests', async () => {
    await kiip.session();
    await kiip.moment();
    expect(await asked('GET', '/sessions')).toEqual({ sessions: sandbox.sessions() });
    expect(await asked('GET', '/rewards')).toEqual({ rewards: sandbox.rewards() });
    expect(await asked('GET', '/requests?route=moment')).toMatchObject({
      count: 1,
      max_concurrent: { session: 1, moment: 1, reward: 0, other: 0 },
      requests: sandbox.requests('moment'),
    });
  });

  it('adds faults and advances the clock', async () => {
    await asked('POST', '/faults', { kind: 'bad-gateway', times: 1, moment: MOMENT.moment.id });
    expect((await kiip.moment()).status).toBe(502);
    await asked('POST', '/clock', { advanceMs: 86_400_000 });
    expect(Date.parse(`${(await kiip.reward()).date}Z`) - Date.now()).toBeGreaterThan(86_000_000);
  });

  it('redeems the latest or the named reward and returns the result', async () => {
    const { view: first } = await kiip.reward();
    const { view: second } = await kiip.reward();
    receiver.answer({ status: 200, body: '{"status":"recorded"}' });
    expect(await asked('POST', '/redeem')).toMatchObject({
      delivery: { status: 200, body: '{"status":"recorded"}', sent: expect.stringContaining(second.id) },
    });
    expect(await asked('POST', '/redeem', { reward: first.id })).toMatchObject({
      delivery: { sent: expect.stringContaining(first.id) },
    });
    await kiip.reward({ ...MOMENT, user: {} });
    expect(await asked('POST', '/redeem')).toEqual({ delivery: null });
  });

  it('sends one callback, several, or those of a scenario, and shows them all', async () => {
    receiver.answer({ status: 401, body: 'no' });
    expect(await asked('POST', '/callbacks', { signature: 'wrong-secret' })).toMatchObject({
      kind: 'redemption',
      state: 'failed',
      status: 401,
      body: 'no',
    });
    const batch = { callbacks: [{ kind: 'issuance' }, { copyOf: 'latest' }], copies: 2, order: 'at-once' };
    expect(await asked('POST', '/callbacks/batch', batch)).toMatchObject({ deliveries: { length: 4 } });
    expect(await asked('POST', '/callbacks/scenario', { name: 'same-twice' })).toMatchObject({
      deliveries: [{ status: 200 }, { status: 200 }],
    });
    expect(await asked('GET', '/callbacks')).toEqual({ deliveries: sandbox.deliveries() });
    expect(receiver.received).toHaveLength(7);
  });

  it('sets the callback URL, and a reset keeps it', async () => {
    const urls = { url: `${receiver.url}/r`, issuanceUrl: `${receiver.url}/i` };
    expect((await kiip.control('PUT', '/callback-url', urls)).status).toBe(204);
    sandbox.reset();
    await sandbox.sendCallbacks([{}, { kind: 'issuance' }]);
    expect(receiver.received.map(({ path }) => path)).toEqual(['/r', '/i']);
    expect((await kiip.control('PUT', '/callback-url', { url: null })).status).toBe(204);
    expect(await asked('POST', '/callbacks')).toMatchObject({ field: 'url' });
  });

  it('resets all state', async () => {
    const settings = await asked('GET', '/settings');
    const before = await kiip.reward();
    await asked('PATCH', '/settings', { momentRule: 'never' });
    await asked('POST', '/faults', { kind: 'hang' });
    await asked('POST', '/callbacks');
    expect((await kiip.control('POST', '/reset')).status).toBe(204);
    expect(await asked('GET', '/settings')).toEqual(settings);
    expect([sandbox.rewards(), sandbox.sessions(), sandbox.deliveries(), sandbox.requests()]).toEqual([
      [],
      [],
      [],
      [],
    ]);
    expect((await kiip.reward()).view.id.slice(8)).toBe(before.view.id.slice(8));
  });

  it.each([
    ['PATCH', '/settings', { momentRule: 'sometimes' }, 'momentRule'],
    ['PATCH', '/settings', { everyNth: 0 }, 'everyNth'],
    ['PATCH', '/settings', { callbackUrl: 'x' }, 'callbackUrl'],
    ['POST', '/faults', { kind: 'slow', delayMs: 1, route: 'login' }, 'route'],
    ['POST', '/redeem', {}, 'reward'],
    ['POST', '/redeem', { reward: 'unknown' }, 'reward'],
    ['POST', '/redeem', { id: 'x' }, 'id'],
    ['POST', '/callbacks', [], 'body'],
    ['POST', '/callbacks', { kind: 'refund' }, 'kind'],
    ['POST', '/callbacks', { copyOf: 'latest' }, 'copyOf'],
    ['POST', '/callbacks', { copyOf: 7 }, 'copyOf'],
    ['POST', '/callbacks', { reward: 'unknown' }, 'reward'],
    ['POST', '/callbacks', { variant: 'odd' }, 'variant'],
    ['POST', '/callbacks', { quantity: true }, 'quantity'],
    ['POST', '/callbacks', { user_id: 5 }, 'user_id'],
    ['POST', '/callbacks', { shift: { from: 'nonce' } }, 'shift'],
    ['POST', '/callbacks', { shift: { from: 'origin', to: 'nonce', chars: 99 }, kind: 'issuance' }, 'shift'],
    ['POST', '/callbacks', { duplicateFields: { user_id: 5 } }, 'duplicateFields'],
    ['POST', '/callbacks', { delayMs: -1 }, 'delayMs'],
    ['POST', '/callbacks/batch', {}, 'callbacks'],
    ['POST', '/callbacks/batch', { callbacks: {} }, 'callbacks'],
    ['POST', '/callbacks/batch', { callbacks: [{ kind: 'x' }] }, 'kind'],
    ['POST', '/callbacks/batch', { callbacks: [], order: 'any' }, 'order'],
    ['POST', '/callbacks/batch', { callbacks: [], copies: 0 }, 'copies'],
    ['POST', '/callbacks/scenario', {}, 'name'],
    ['POST', '/callbacks/scenario', { name: 'toString' }, 'name'],
    ['PUT', '/callback-url', {}, 'url'],
    ['PUT', '/callback-url', { url: 'ftp://127.0.0.1/' }, 'url'],
    ['PUT', '/callback-url', { url: 'http://127.0.0.1/', issuanceUrl: 5 }, 'issuanceUrl'],
  ])('answers 400 to %s %s %j and names the field', async (method, path, body, field) => {
    const answer = await kiip.control(method, path, body);
    expect(answer.status).toBe(400);
    expect(json(answer)).toEqual({ field, error: expect.stringContaining(field) });
    expect(receiver.received).toEqual([]);
  });

  it('rejects a second redemption', async () => {
    await kiip.reward();
    await asked('POST', '/redeem');
    expect((await kiip.control('POST', '/redeem')).status).toBe(400);
    await expect(sandbox.redeem()).rejects.toThrow('redeemed already');
    expect(receiver.received).toHaveLength(1);
  });
});

describe('the start of the Kiip sandbox', () => {
  it('accepts credentials and the callback URL', async () => {
    const own = await startKiipSandbox({ appKey: 'k', appSecret: 's', callbackUrl: `${receiver.url}/own` });
    const client = new KiipClient(own);
    expect((await client.moment()).status).toBe(401);
    expect((await client.moment({ ...MOMENT, app: { app_key: 'k' } })).status).toBe(200);
    await own.redeem();
    expect(receiver.received[0]?.path).toBe('/own');
    expect(own.configure({})).toMatchObject({ appKey: 'k', appSecret: 's' });
    await own.close();
  });

  it('fails when the port is in use or the callback URL is invalid', async () => {
    await expect(startKiipSandbox({ port: sandbox.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(startKiipSandbox({ callbackUrl: 'nowhere' })).rejects.toMatchObject({ field: 'url' });
  });
});
