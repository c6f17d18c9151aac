import { connect } from 'node:net';
import process from 'node:process';
import { gunzipSync } from 'node:zlib';
import { once } from 'node:events';
import { rawCall } from '../support/raw-call.js';
import { startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';

let world: World;

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

it.each(['/docs', '/docs/', '/docs/swagger-ui-bundle.js', '/openapi.json', '/openapi.yaml'])(
  '%s has the security headers of a page',
  async (path) => {
    const { headers } = await fetch(world.gateway.url + path);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/,
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  },
);

it.each([
  ['/openapi.json', /^application\/json/],
  ['/openapi.yaml', /^text\/yaml/],
])('%s is the same for GET and HEAD, in any order', async (path, type) => {
  const other = await startWorld();
  const ask = async (method: string) => {
    const response = await fetch(other.gateway.url + path, {
      method,
      headers: { 'accept-encoding': 'identity' },
    });
    const { status, headers } = response;
    return {
      metadata: [status, headers.get('content-type'), headers.get('content-length')],
      text: await response.text(),
    };
  };
  const responses = [await ask('HEAD'), await ask('GET'), await ask('GET'), await ask('HEAD')];
  await other.close();
  const [, { text, metadata } = { text: '', metadata: [] }] = responses;
  expect(metadata).toEqual([200, expect.stringMatching(type), String(Buffer.byteLength(text))]);
  expect(text.length).toBeGreaterThan(10_000);
  expect(responses).toEqual([
    { metadata, text: '' },
    { metadata, text },
    { metadata, text },
    { metadata, text: '' },
  ]);
});

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  rawCall(world.gateway.url + path, { method, headers });

describe('a file of the API description', () => {
  const paths = [
    '/docs',
    '/docs/',
    '/docs/swagger-ui-bundle.js',
    '/docs/swagger-ui.css',
    '/openapi.json',
    '/openapi.yaml',
  ];

  it.each(paths)('is sent compressed to clients that accept it, with the same content: %s', async (path) => {
    const plain = await get(path);
    const compressed = await get(path, { 'accept-encoding': 'br, GZIP;q=0.5' });
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(compressed.headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-length': String(compressed.body.length),
      vary: 'Accept-Encoding',
    });
    expect(gunzipSync(compressed.body).equals(plain.body)).toBe(true);
    expect(compressed.body.length).toBeLessThan(plain.body.length / 2);
    expect((await get(path, { 'accept-encoding': 'gzip' }, 'HEAD')).headers['content-length']).toBe(
      compressed.headers['content-length'],
    );
  });

  it.each(['gzip;q=0', 'identity', '', 'br', 'gzip;q=0.000'])(
    'is not compressed for "%s"',
    async (accepted) => {
      const { headers } = await get('/openapi.json', { 'accept-encoding': accepted });
      expect(headers['content-encoding']).toBeUndefined();
    },
  );

  it.each(paths)('is not sent again to a client that has it: %s', async (path) => {
    const { headers } = await get(path);
    const again = await get(path, { 'if-none-match': `"other", ${String(headers['etag'])}` });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    expect(headers['cache-control']).toBe('no-cache');
    expect((await get(path, { 'if-none-match': '"other"' })).status).toBe(200);
  });

  it.each([
    ['/docs/openapi.json', 404],
    ['/docs/..%2fopenapi.json', 400],
    ['/docs/swagger-ui.css.gz', 404],
    ['/docs/none', 404],
    ['/docs/a/b', 404],
  ])('has no other path: %s', async (path, status) => {
    expect((await get(path)).status).toBe(status);
  });

  it('holds no memory for clients that do not read', async () => {
    const { port } = new URL(world.gateway.url);
    const before = process.memoryUsage().arrayBuffers;
    const sockets = Array.from({ length: 40 }, () => connect(Number(port), '127.0.0.1'));
    for (const socket of sockets) {
      socket.pause();
      socket.write(
        'GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n'.repeat(8),
      );
    }
    expect((await get('/openapi.json')).status).toBe(200);
    const grown = process.memoryUsage().arrayBuffers - before;
    for (const socket of sockets) socket.destroy();
    // 40 × 8 × 1.6 MB were asked for.
    expect(grown).toBeLessThan(20 * 1024 * 1024);
  });
});

describe('the HTTP server', () => {
  it('has its documented limits', () => {
    const server = world.gateway.app.getHttpServer();
    const { headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxConnections } = server;
    expect({ headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxConnections }).toEqual({
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 75_000,
      timeout: 10_000,
      maxConnections: 10_100,
    });
  });

  it('rejects a URL and headers of more than 16 KiB together', async () => {
    const { port } = new URL(world.gateway.url);
    for (const [size, status] of [
      [15 * 1024, 200],
      [17 * 1024, 431],
    ]) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(
        `GET /health/live?${'x'.repeat(size! / 2)} HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(size! / 2)}\r\n\r\n`,
      );
      const [response] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      expect(response.toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    }
  });
});

it('tries operations out under the path that the description was loaded from, behind a path prefix as well', async () => {
  const document = (await (await fetch(`${world.gateway.url}/openapi.json`)).json()) as {
    servers: { url: string }[];
  };
  const [server] = document.servers;
  expect(new URL(server!.url, 'https://example.com/rewards/openapi.json').href).toBe(
    'https://example.com/rewards/',
  );
});
