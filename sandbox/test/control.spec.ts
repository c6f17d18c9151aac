import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { startKigoSandbox } from '../src/kigo/start-kigo-sandbox.js';
import type { KigoSandbox } from '../src/kigo/kigo-sandbox.js';
import { CREDENTIALS, json, KigoClient } from './support/kigo-client.js';
import { KiipClient } from './support/kiip-client.js';

const MAIN = new URL('../dist/main.js', import.meta.url).pathname;
const IDS = { external_user_id: 'user123', external_program_id: 'program456' };

let sandbox: KigoSandbox;
let kigo: KigoClient;

beforeAll(async () => {
  sandbox = await startKigoSandbox();
  kigo = new KigoClient(sandbox);
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

describe('the request log of the sandbox', () => {
  it('keeps every call as it arrived, in order', async () => {
    const token = await kigo.token();
    await kigo.get('/api/v1/accounts?external_user_id=%C3%BC%2F&external_program_id=p+q', token);
    await kigo.call('/elsewhere');
    const [login, lookup, other, ...more] = sandbox.requests();
    expect(login).toMatchObject({
      method: 'POST',
      route: 'login',
      status: 200,
      body: JSON.stringify(CREDENTIALS),
    });
    expect(lookup).toMatchObject({
      method: 'GET',
      route: 'lookup',
      status: 404,
      url: '/api/v1/accounts?external_user_id=%C3%BC%2F&external_program_id=p+q',
      headers: { authorization: `Bearer ${token}` },
      body: '',
      fault: null,
    });
    expect(other).toMatchObject({ route: 'other', status: 404 });
    expect(more).toEqual([]);
    expect(Math.abs(Date.now() - (login?.at ?? 0))).toBeLessThan(5_000);
  });

  it('is available over HTTP with counts and a filter by route', async () => {
    await kigo.login();
    await kigo.call('/elsewhere');
    const all = json(await kigo.control('GET', '/requests')) as object;
    expect(all).toMatchObject({ count: 2, max_concurrent: { login: 1, summary: 0 } });
    expect(all).toHaveProperty('requests', sandbox.requests());
    expect(json(await kigo.control('GET', '/requests?route=login'))).toMatchObject({ count: 1 });
    const [, latest] = sandbox.requests();
    expect(json(await kigo.control('GET', '/requests?last=1'))).toMatchObject({ requests: [latest] });
    expect((await kigo.control('GET', '/requests?last=0')).status).toBe(400);
    expect(json(await kigo.control('GET', '/requests/count?route=lookup'))).toEqual({ count: 0 });
  });

  it('removes only the calls when it is cleared', async () => {
    const token = await kigo.token();
    expect((await kigo.control('DELETE', '/requests')).status).toBe(204);
    expect(sandbox.requests()).toEqual([]);
    expect((await kigo.lookup(token)).status).toBe(200);
  });

  it('keeps only the latest ten thousand calls', async () => {
    const { RequestLog } = await import('../src/server/request-log.js');
    const requestLog = new RequestLog();
    for (let call = 0; call < 10_001; call += 1) {
      const request = { method: 'GET', url: `/${call}`, headers: {}, body: '' };
      requestLog.finish(requestLog.start(request, { route: 'other' }));
    }
    expect(requestLog.list()).toHaveLength(10_000);
    expect(requestLog.list()[0]?.url).toBe('/1');
  });
});

describe('the control API', () => {
  it('lists itself and the fault kinds', async () => {
    const answer = await kigo.control('GET', '');
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
    for (const word of [
      'PATCH  /__sandbox/settings',
      'POST   /__sandbox/faults',
      'dribble (delayMs, chunkBytes)',
    ]) {
      expect(answer.body.toString()).toContain(word);
    }
  });

  it('adds, lists and removes faults', async () => {
    const rule = { kind: 'status', status: 500, times: 3, route: 'login' };
    expect(json(await kigo.control('POST', '/faults', rule))).toEqual({ id: 1 });
    expect((await kigo.login()).status).toBe(500);
    expect(json(await kigo.control('GET', '/faults'))).toEqual({ faults: [{ ...rule, id: 1, left: 2 }] });
    expect((await kigo.control('DELETE', '/faults')).status).toBe(204);
    expect((await kigo.login()).status).toBe(200);
  });

  it('does not apply faults to its own routes', async () => {
    await kigo.control('POST', '/faults', { kind: 'hang' });
    expect((await kigo.control('GET', '/faults')).status).toBe(200);
  });

  it('changes and shows the settings', async () => {
    const changed = json(await kigo.control('PATCH', '/settings', { loginStatus: 201, tokenTtlSeconds: 1 }));
    expect(changed).toMatchObject({ loginStatus: 201, tokenTtlSeconds: 1, partnerId: 'demo-partner' });
    expect(json(await kigo.control('GET', '/settings'))).toEqual(changed);
    expect((await kigo.login()).status).toBe(201);
  });

  it('creates, changes, lists and removes accounts', async () => {
    const made = json(await kigo.control('PUT', '/accounts', { ...IDS, unviewed_products: 5 }));
    expect(made).toMatchObject({ ...IDS, unviewed_products: 5, total_tokens: 34 });
    expect((json(await kigo.control('GET', '/accounts')) as { accounts: unknown[] }).accounts).toContainEqual(
      made,
    );
    expect(json(await kigo.control('DELETE', '/accounts', IDS))).toEqual({ removed: true });
    expect((await kigo.lookup(await kigo.token())).status).toBe(404);
  });

  it('advances the clock and revokes tokens', async () => {
    const old = await kigo.token();
    await kigo.control('POST', '/clock', { advanceMs: 1_800_000 });
    expect((await kigo.lookup(old)).status).toBe(401);
    const young = await kigo.token();
    expect(json(await kigo.control('DELETE', '/tokens'))).toEqual({ revoked: 1 });
    expect((await kigo.lookup(young)).status).toBe(401);
  });

  it('resets all state', async () => {
    const settings = json(await kigo.control('GET', '/settings'));
    const token = await kigo.token();
    await kigo.control('PATCH', '/settings', { loginStatus: 201 });
    await kigo.control('PUT', '/accounts', { ...IDS, unviewed_products: 1, account_id: 'x' });
    await kigo.control('POST', '/faults', { kind: 'hang' });
    expect((await kigo.control('POST', '/reset')).status).toBe(204);
    expect(json(await kigo.control('GET', '/settings'))).toEqual(settings);
    expect(sandbox.requests()).toEqual([]);
    expect((await kigo.lookup(token)).status).toBe(401);
    const again = await kigo.token();
    const summary = await kigo.summary(again, await kigo.accountId(again));
    expect(json(summary)).toMatchObject({ unviewed_products: 12, total_tokens: 34 });
  });

  it.each([
    ['POST', '/faults', { kind: 'slow', delayMs: 'long' }, 'delayMs'],
    ['POST', '/faults', [], 'body'],
    ['POST', '/faults', '{', 'body'],
    ['PATCH', '/settings', { tokenTtlSecond: 1 }, 'tokenTtlSecond'],
    ['PATCH', '/settings', { loginStatus: 202 }, 'loginStatus'],
    ['PATCH', '/settings', { constructor: 1 }, 'constructor'],
    ['PATCH', '/settings', { apiKeys: 'one' }, 'apiKeys'],
    ['PUT', '/accounts', { external_user_id: 'a' }, 'external_program_id'],
    ['PUT', '/accounts', { ...IDS, unviewed: 3 }, 'unviewed'],
    ['DELETE', '/accounts', {}, 'external_user_id'],
    ['POST', '/clock', {}, 'advanceMs'],
    ['POST', '/clock', { advanceMs: -1 }, 'advanceMs'],
    ['GET', '/requests?route=nowhere', undefined, 'route'],
  ])('answers 400 to %s %s %j and names the field', async (method, path, body, field) => {
    const answer = await kigo.control(method, path, body);
    expect(answer.status).toBe(400);
    expect(json(answer)).toEqual({ field, error: expect.stringContaining(field) });
  });

  it('answers 404 to an unknown path and 405 to an unknown method', async () => {
    expect((await kigo.control('GET', '/nothing')).status).toBe(404);
    const answer = await kigo.control('PUT', '/faults', {});
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST, GET, DELETE']);
  });
});

describe('the start of the Kigo sandbox', () => {
  it('accepts credentials and a token lifetime', async () => {
    const own = await startKigoSandbox({ partnerId: 'p', apiKey: 'k', tokenTtlSeconds: 60 });
    const client = new KigoClient(own);
    const { token } = json(await client.login({ partner_id: 'p', api_key: 'k' })) as { token: string };
    expect((await client.login()).status).toBe(401);
    expect((await client.lookup(token)).status).toBe(200);
    own.advance(60_000);
    expect((await client.lookup(token)).status).toBe(401);
    await own.close();
  });

  it('fails when the port is in use', async () => {
    await expect(startKigoSandbox({ port: sandbox.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

function startVendors(port: number): ChildProcess {
  const env = { ...process.env, SANDBOX_KIGO_PORT: String(port), SANDBOX_KIIP_PORT: '0' };
  return spawn(process.execPath, [MAIN, '--vendors-only'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

describe('the command that starts only the simulated vendors', () => {
  it('serves without configuration until it is stopped', async () => {
    const command = startVendors(0);
    const [text] = (await once(command.stdout!, 'data')) as [Buffer];
    const urlOf = (vendor: string): string =>
      new RegExp(`Simulated ${vendor}: (http://127\\.0\\.0\\.1:\\d+)`).exec(text.toString())?.[1] ?? '';
    expect((await new KigoClient({ url: urlOf('Kigo') }).login()).status).toBe(200);
    expect((await new KiipClient({ url: urlOf('Kiip') }).session()).status).toBe(200);
    expect(text.toString()).toContain('callbacks to http://127.0.0.1:3000/callbacks/kiip\n');
    command.kill('SIGINT');
    expect(await once(command, 'exit')).toEqual([0, null]);
  });

  it('reports a port that is in use in one sentence', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const command = startVendors(port);
    const said: string[] = [];
    command.stderr!.on('data', (text: Buffer) => said.push(text.toString()));
    expect((await once(command, 'close'))[0]).toBe(1);
    expect(said.join('')).toBe(`Port ${port} is already in use: set SANDBOX_KIGO_PORT to a free one.\n`);
    taken.close();
  });
});
