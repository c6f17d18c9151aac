import { gzipSync } from 'node:zlib';
import { startGateway, startWorld, badge, apiKey, credentials } from '../support/gateway.js';
import type { Gateway, World } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import { sendBytes } from '../support/raw-http.js';
import { startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';

describe('a request', () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({});
  });
  afterAll(() => gateway.close());

  const send = (...lines: string[]) =>
    sendBytes(gateway.url, ['GET /health/live HTTP/1.1', ...lines, 'connection: close', '', ''].join('\r\n'));

  it.each([
    ['two equal Host headers', ['host: a', 'Host: a']],
    ['two different Host headers', ['host: a', 'HOST: b']],
    ['a Host with a path', ['host: a/b']],
    ['a Host with a user', ['host: user@a']],
    ['a Host with a blank', ['host: a b']],
    ['a Host with a port that is no number', ['host: a:b']],
    ['a Host that is a list', ['host: a:1,b:2']],
  ])('with %s is rejected', async (_, lines) => {
    expect((await send(...lines)).status).toBe(400);
  });

  it.each([
    'a',
    'a.example:80',
    '127.0.0.1:3000',
    '[::1]:3000',
    '[2001:db8::1]',
    'a_b.example',
    'xn--bcher-kva.example',
    '',
  ])('with the Host %j is served', async (host) => {
    expect((await send(`host: ${host}`)).status).toBe(200);
  });
});

describe('a request behind a proxy', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ CALLBACK_RATE_LIMIT_PER_MINUTE: '3', TRUSTED_PROXY_HOPS: '1' });
  });
  afterAll(() => world.close());

  it('is counted by the address of the client, in whatever way the proxy writes it', async () => {
    const forms = ['203.0.113.9:1', '203.0.113.9:2', '"203.0.113.9:3"', '::ffff:203.0.113.9', '203.0.113.9'];
    const statuses: number[] = [];
    for (const form of forms) {
      const response = await fetch(`${world.gateway.url}/callbacks/kiip`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': `evil-${Math.random()}, ${form}` },
        body: '{}',
      });
      statuses.push(response.status);
    }
    expect(statuses).toEqual([400, 400, 400, 429, 429]);
  });
});

describe('a socket for IPv6 and IPv4', () => {
  it('serves both, and counts a client by its IPv4 address', async () => {
    await using gateway = startProcess({ HOST: '[::]', CALLBACK_RATE_LIMIT_PER_MINUTE: '1' });
    const port = new URL(await gateway.url()).port;
    const call = async (host: string) => {
      const response = await fetch(`http://${host}:${port}/callbacks/kiip`, { method: 'POST' });
      return response.status;
    };
    expect([await call('127.0.0.1'), await call('127.0.0.1')]).toEqual([400, 429]);
    // Another address of this machine: all of IPv4 is not one client.
    expect([await call('[::1]'), await call('[::1]')]).toEqual([400, 429]);
  });
});

describe('a route without a body', () => {
  let gateway: KiipGateway;
  beforeAll(async () => {
    gateway = await startKiipGateway();
  });
  afterAll(() => gateway.close());

  const discard = (headers: Record<string, string>, body?: Uint8Array<ArrayBuffer>) =>
    fetch(`${gateway.url}/api/v1/kiip/issuances/led_none/discard`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, ...headers },
      ...(body && { body }),
    });

  it.each(['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'nonsense'])(
    'takes a request without one that says it is %s',
    async (type) => {
      const without = await discard({});
      const withType = await discard({ 'content-type': type });
      expect(withType.status).toBe(without.status);
      expect([404, 400]).toContain(withType.status);
    },
  );

  it.each(['gzip', 'GZIP', 'br', 'compress', 'gzip, identity'])(
    'rejects a body with the content coding %s, and says which it takes',
    async (coding) => {
      const headers = { 'content-type': 'application/json', 'content-encoding': coding };
      const response = await discard(headers, gzipSync('{}'));
      expect([response.status, response.headers.get('accept-encoding')]).toEqual([415, 'identity']);
    },
  );

  it('takes a body that says it has no content coding', async () => {
    const response = await fetch(`${gateway.url}/api/v1/unviewed-counts`, {
      method: 'POST',
      headers: { ...credentials, 'content-type': 'application/json', 'content-encoding': 'Identity' },
      body: '{"users":[]}',
    });
    expect(response.status).toBe(400);
    expect(((await response.json()) as { errors: unknown[] }).errors).toHaveLength(1);
  });
});

it('keeps idle connections as long as the configuration says', async () => {
  const gateway = await startGateway({ KEEP_ALIVE_SECONDS: '600' });
  const response = await gateway.get(badge());
  expect(response.headers.get('keep-alive')).toBe('timeout=600');
  await gateway.close();
});
