import { createHmac } from 'node:crypto';
import { startWalletSandbox } from '../src/wallet/wallet-sandbox.js';
import type { WalletSandbox } from '../src/wallet/wallet-sandbox.js';
import { json } from './support/kigo-client.js';
import { rawCall } from '../../test/support/raw-call.js';
import { waitFor } from '../../test/support/wait-for.js';
import { createEvent, ENTRY, signEvent, WalletClient } from '../../test/support/wallet-client.js';

const OTHER_SECRET = `whsec_${Buffer.alloc(32, 'other').toString('base64')}`;
const COINS = { user_id: 'user-123', content: ENTRY.content, name: 'Coins', quantity: 20 };

const lines: string[] = [];
let wallet: WalletSandbox;
let client: WalletClient;

beforeAll(async () => {
  wallet = await startWalletSandbox({ say: (line) => lines.push(line) });
  client = new WalletClient(wallet);
});
beforeEach(() => {
  wallet.reset();
  lines.length = 0;
});
afterAll(() => wallet.close());

describe('an event that the wallet sandbox receives', () => {
  it('is verified, counted and reported', async () => {
    const answer = await client.issue();
    expect([answer.status, json(answer)]).toEqual([200, { status: 'credited' }]);
    expect(wallet.balances()).toEqual([COINS]);
    expect(lines).toEqual([`Wallet: +20 Coins for user-123 (${ENTRY.id}), verified`]);
  });

  it('is verified as the specification has it, with any signer', async () => {
    const body = createEvent({ user_id: 'Zoë ☃' });
    const seconds = String(Math.floor(Date.now() / 1_000));
    const key = Buffer.from(wallet.secret.slice('whsec_'.length), 'base64');
    const hmac = createHmac('sha256', key).update(`msg_1.${seconds}.${body}`).digest('base64');
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': seconds,
      'webhook-signature': `v1,${hmac}`,
    };
    expect((await client.send({ headers, body })).status).toBe(200);
    expect(wallet.balances('Zoë ☃')).toEqual([{ ...COINS, user_id: 'Zoë ☃' }]);
  });

  it('needs only one valid signature, so that secrets can be rotated without a gap', async () => {
    const event = signEvent(createEvent(), [OTHER_SECRET, wallet.secret]);
    expect(event.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
    expect((await client.send(event)).status).toBe(200);
  });

  it('is accepted and counted nowhere when it is only a test of the way', async () => {
    const body = '{"type":"gateway.test","timestamp":"2026-01-31T12:00:00.000Z","data":{}}';
    const answer = await client.send(signEvent(body, [wallet.secret]));
    expect([answer.status, json(answer)]).toEqual([200, { status: 'test' }]);
    expect(wallet.balances()).toEqual([]);
  });

  it('counts once, even if its id is sent again with another body', async () => {
    await client.issue();
    const later = new Date(Date.now() + 60_000);
    const again = await client.send(
      signEvent(createEvent({ quantity: 500 }), [wallet.secret], ENTRY.id, later),
    );
    expect([again.status, json(again)]).toEqual([200, { status: 'again' }]);
    expect(wallet.balances()).toEqual([COINS]);
    expect(lines[1]).toBe(`Wallet: +500 Coins for user-123 (${ENTRY.id}), again, ignored`);
  });

  it('counts once when it comes twenty times at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.issue()));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(wallet.balances()).toEqual([COINS]);
    expect(lines.filter((line) => line.endsWith('verified'))).toHaveLength(1);
  });

  it('is added to the balance of its user and currency, under the latest name of the currency', async () => {
    await client.issue({ id: '1', content: 'gems', name: null, quantity: 1 });
    expect(wallet.balances()).toEqual([{ ...COINS, content: 'gems', name: null, quantity: 1 }]);
    await client.issue({ id: '2' });
    await client.issue({ id: '3', name: null, quantity: 5 });
    await client.issue({ id: '4', content: 'gems', name: 'Gems', quantity: 2, user_id: 'other' });
    expect(wallet.balances('user-123')).toEqual([
      { ...COINS, content: 'gems', name: 'Gems', quantity: 1 },
      { ...COINS, quantity: 25 },
    ]);
    expect(wallet.balances('other')).toEqual([
      { user_id: 'other', content: 'gems', name: 'Gems', quantity: 2 },
    ]);
    expect(lines.map((line) => line.split(' for ')[0])).toEqual([
      'Wallet: +1 gems',
      'Wallet: +20 Coins',
      'Wallet: +5 Coins',
      'Wallet: +2 Gems',
    ]);
  });

  it('does not count when it is of a test reward', async () => {
    expect(json(await client.issue({ test: true }))).toEqual({ status: 'test' });
    expect(wallet.balances()).toEqual([]);
    expect(lines[0]).toMatch(/, a test, verified, counted nowhere$/);
  });
});

const event = () => signEvent(createEvent(), [wallet.secret]);
const withHeaders = (headers: Record<string, string>) => ({
  ...event(),
  headers: { ...event().headers, ...headers },
});
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000);

describe('the wallet sandbox', () => {
  it.each([
    ['another secret', () => signEvent(createEvent(), [OTHER_SECRET]), 'No matching signature found'],
    ['a changed body', () => ({ ...event(), body: `${createEvent()} ` }), 'No matching signature found'],
    ['another id', () => withHeaders({ 'webhook-id': 'iss_other' }), 'No matching signature found'],
    ['no version', () => withHeaders({ 'webhook-signature': 'v2,AAAA v1' }), 'No matching signature found'],
    ['no headers', () => ({ headers: {}, body: createEvent() }), 'Missing required headers'],
    [
      'an old time',
      () => signEvent(createEvent(), [wallet.secret], ENTRY.id, ago(6)),
      'Message timestamp too old',
    ],
    [
      'a time to come',
      () => signEvent(createEvent(), [wallet.secret], ENTRY.id, ago(-6)),
      'Message timestamp too new',
    ],
  ])('%s with 401', async (_, forged, error) => {
    const answer = await client.send(forged());
    expect([answer.status, json(answer)]).toEqual([401, { error }]);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(wallet.balances()).toEqual([]);
    expect(lines).toEqual([`Wallet: refused what arrived. ${error}`]);
    expect((await client.issue()).status).toBe(200);
    expect(wallet.balances()).toEqual([COINS]);
  });

  it.each([
    ['no JSON', '{'],
    ['nothing', ''],
    ['another type', createEvent().replace('kiip.currency.issued', 'kiip.other')],
    ['no row', JSON.stringify({ type: 'kiip.currency.issued', data: null })],
    ['a quantity of text', createEvent().replace('"quantity":20', '"quantity":"20"')],
    ['a quantity below one', createEvent({ quantity: 0 })],
    ['no user', createEvent({ user_id: undefined })],
  ])('%s with 400, however well signed', async (_, body) => {
    const answer = await client.send(signEvent(body, [wallet.secret]));
    expect([answer.status, json(answer)]).toEqual([
      400,
      { error: 'The body is no kiip.currency.issued event' },
    ]);
    expect(wallet.balances()).toEqual([]);
  });

  it('rejects more than 64 KiB with 413 and stores nothing of it', async () => {
    const body = createEvent().padEnd(64 * 1024, ' ');
    expect((await client.send(signEvent(body, [wallet.secret]))).status).toBe(200);
    expect((await client.send(signEvent(`${body} `, [wallet.secret], 'iss_larger'))).status).toBe(413);
    expect(wallet.balances()).toEqual([COINS]);
    expect(wallet.requests()[1]).toMatchObject({ status: 413, body: '' });
  });

  it('rejects other paths and methods', async () => {
    expect((await rawCall(`${wallet.url}/event`, { method: 'POST' })).status).toBe(404);
    const answer = await rawCall(`${wallet.url}/events`);
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST']);
    expect(wallet.requests('other')).toHaveLength(2);
  });
});

describe('a wallet sandbox with a fault', () => {
  it.each([
    [{ kind: 'status', status: 500 }, 500, {}],
    [{ kind: 'status', status: 410 }, 410, {}],
    [{ kind: 'rate-limited', retryAfter: 7 }, 429, { 'retry-after': '7' }],
    [{ kind: 'redirect', location: 'http://127.0.0.1:1/' }, 301, { location: 'http://127.0.0.1:1/' }],
  ] as const)(
    'answers %j, counts nothing, and counts when it is sent again',
    async (rule, status, headers) => {
      wallet.addFault({ ...rule, times: 1 });
      const answer = await client.issue();
      expect(answer.status).toBe(status);
      expect(answer.headers).toMatchObject(headers);
      expect(wallet.balances()).toEqual([]);
      expect(json(await client.issue())).toEqual({ status: 'credited' });
    },
  );

  it('can hang', async () => {
    wallet.addFault({ kind: 'hang' });
    const abort = new AbortController();
    const call = client.issue({}, abort.signal);
    await waitFor('the wallet has the event', () => wallet.requests('events').length === 1);
    abort.abort();
    expect((await call).status).toBeUndefined();
    expect(wallet.requests()).toMatchObject([{ status: null, fault: 'hang' }]);
    expect(wallet.balances()).toEqual([]);
  });

  it('can count an event whose response is lost, so that the next attempt is a repeat', async () => {
    wallet.addFault({ kind: 'slow', delayMs: 60_000, times: 1 });
    const abort = new AbortController();
    const call = client.issue({}, abort.signal);
    await waitFor('it has been counted', () => wallet.balances().length === 1);
    abort.abort();
    await call;
    expect(json(await client.issue())).toEqual({ status: 'again' });
    expect(wallet.balances()).toEqual([COINS]);
  });

  it('can send a body of any size', async () => {
    wallet.addFault({ kind: 'big-body', bytes: 3_000_000 });
    expect((await client.issue()).body).toHaveLength(3_000_000);
  });

  it('can fail for one user only', async () => {
    wallet.addFault({ kind: 'status', status: 503, user: 'unlucky' });
    expect((await client.issue({ id: '1', user_id: 'unlucky' })).status).toBe(503);
    expect((await client.issue({ id: '2' })).status).toBe(200);
  });
});

const asked = async (method: string, path: string, body?: unknown) =>
  json(await client.control(method, path, body));

describe('the control API of the wallet', () => {
  it('lists its routes and has no clock, because signature times are real', async () => {
    const text = (await client.control('GET', '')).body.toString();
    for (const words of ['GET    /__sandbox/balances', '?route=events|other', 'rate-limited (retryAfter)'])
      expect(text).toContain(words);
    expect(text).not.toContain('/clock');
    expect((await client.control('POST', '/clock', { advanceMs: 1 })).status).toBe(404);
  });

  it('shows what arrived, and what was answered', async () => {
    const event = signEvent(createEvent(), [wallet.secret]);
    await client.send(event);
    expect(await asked('GET', '/requests?route=events')).toMatchObject({
      count: 1,
      max_concurrent: { events: 1, other: 0 },
      requests: [{ status: 200, body: event.body, headers: event.headers }],
    });
  });

  it('shows balances, of all or of one user', async () => {
    await client.issue();
    await client.issue({ id: '2', user_id: 'a b' });
    const ofOther = { ...COINS, user_id: 'a b' };
    expect(await asked('GET', '/balances')).toEqual({ balances: [COINS, ofOther] });
    expect(await asked('GET', '/balances?user_id=a%20b')).toEqual({ balances: [ofOther] });
    expect(await asked('GET', '/balances?user_id=nobody')).toEqual({ balances: [] });
  });

  it('accepts faults and resets all state', async () => {
    await client.issue();
    expect(await asked('POST', '/faults', { kind: 'fail-twice' })).toEqual({ id: 1 });
    expect((await client.issue()).status).toBe(500);
    expect((await client.control('POST', '/reset')).status).toBe(204);
    expect(await asked('GET', '/balances')).toEqual({ balances: [] });
    expect(await asked('GET', '/requests/count')).toEqual({ count: 0 });
    expect(json(await client.issue())).toEqual({ status: 'credited' });
  });
});

describe('the start of the wallet sandbox', () => {
  it('accepts a secret', async () => {
    const own = await startWalletSandbox({ secret: OTHER_SECRET });
    expect((await new WalletClient(own).issue()).status).toBe(200);
    expect((await new WalletClient({ url: own.url, secret: wallet.secret }).issue()).status).toBe(401);
    await own.close();
  });

  it('fails for an invalid secret and for a port in use', async () => {
    await expect(startWalletSandbox({ secret: 'whsec_?' })).rejects.toThrow('Base64');
    await expect(startWalletSandbox({ port: wallet.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
