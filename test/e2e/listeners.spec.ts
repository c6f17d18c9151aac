import type { Environment } from '../../src/config/read-config.js';
import { configErrors, consumers } from '../support/config.js';
import { badge, credentials, startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { problemIn } from '../support/problem.js';
import { sendBytes } from '../support/raw-http.js';
import { waitFor } from '../support/wait-for.js';

type Port = 'callers' | 'callbacks' | 'management';
const BOTH = { CALLBACK_PORT: '0', MANAGEMENT_PORT: '0' };

/** The port of every route, by its path: written down here, not read from the program. */
function portOf(path: string): Port {
  if (path.startsWith('/callbacks/')) return 'callbacks';
  if (path.startsWith('/api/')) return 'callers';
  return 'management';
}

const urlOf = ({ url, urls }: Gateway, port: Port) => (port === 'callers' ? url : urls[port]!);

/** Every operation of the API description, and the routes that it does not describe. */
async function everyRoute(gateway: Gateway): Promise<[method: string, path: string][]> {
  const origin = gateway.urls.management ?? gateway.url;
  const { paths } = (await (await fetch(`${origin}/openapi.json`)).json()) as {
    paths: Record<string, object>;
  };
  const described = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method): [string, string] => [
      method.toUpperCase(),
      path.replaceAll(/\{\w+\}/g, 'x'),
    ]),
  );
  const files = ['/docs', '/docs/', '/docs/swagger-ui.css', '/openapi.json', '/openapi.yaml', '/console/'];
  return [...described, ...files.map((path): [string, string] => ['GET', path])];
}

const isUnknown = async (origin: string, method: string, path: string) => {
  const response = await fetch(origin + path, { method, headers: credentials });
  const body = await response.text();
  return response.status === 404 && body.includes('No route matches this path');
};

describe.each<[string, Environment, (port: Port) => Port]>([
  ['CALLBACK_PORT and MANAGEMENT_PORT', BOTH, (port) => port],
  ['CALLBACK_PORT alone', { CALLBACK_PORT: '0' }, (port) => (port === 'callbacks' ? port : 'callers')],
  ['MANAGEMENT_PORT alone', { MANAGEMENT_PORT: '0' }, (port) => (port === 'management' ? port : 'callers')],
  ['neither port', {}, () => 'callers'],
])('with %s, every route', (_, env, actual) => {
  it('is served on its port, and is an unknown path on every other', async () => {
    const gateway = await startGateway(env);
    const ports = [...new Set(['callers', 'callbacks', 'management'].map((port) => actual(port as Port)))];
    expect(Object.keys(gateway.urls).toSorted()).toEqual(
      ports.filter((port) => port !== 'callers').toSorted(),
    );
    const routes = await everyRoute(gateway);
    expect(routes.length).toBeGreaterThan(20);
    for (const [method, path] of routes)
      for (const port of ports)
        expect([method, path, port, await isUnknown(urlOf(gateway, port), method, path)]).toEqual([
          method,
          path,
          port,
          port !== actual(portOf(path)),
        ]);
    await gateway.close();
  });
});

describe('each of three ports', () => {
  let gateway: KiipGateway;
  const all: Port[] = ['callers', 'callbacks', 'management'];
  const own: Record<Port, string> = {
    callers: '/api/v1/deliveries',
    callbacks: '/callbacks/kiip',
    management: '/health/live',
  };

  beforeAll(async () => {
    gateway = await startKiipGateway(BOTH);
  });
  beforeEach(() => void (gateway.log.length = 0));
  afterAll(() => gateway.close());

  it('serves what it is for', async () => {
    expect((await gateway.callback(redemption())).body['status']).toBe('recorded');
    expect((await gateway.get('/api/v1/kiip/issuances')).status).toBe(200);
    expect((await fetch(`${gateway.urls.management}/health/ready`)).status).toBe(200);
  });

  it.each(all)('(%s) responds with 405 to other methods of its own paths alone', async (port) => {
    for (const [owner, path] of Object.entries(own)) {
      const response = await fetch(urlOf(gateway, port) + path, { method: 'DELETE' });
      expect([path, response.status]).toEqual([path, owner === port ? 405 : 404]);
    }
  });

  it.each(all)('(%s) names and logs every request, also what it does not serve', async (port) => {
    for (const path of [own[port], '/unknown', own[all[(all.indexOf(port) + 1) % 3]!]]) {
      gateway.log.length = 0;
      const headers = { 'x-request-id': `id-${port}` };
      const response = await fetch(urlOf(gateway, port) + path, { headers });
      expect(response.headers.get('x-request-id')).toBe(`id-${port}`);
      await waitFor('the line', () => gateway.log.some(({ msg }) => msg === 'request'));
      expect(gateway.log.find(({ msg }) => msg === 'request')).toMatchObject({
        requestId: `id-${port}`,
        status: response.status,
      });
    }
  });

  it.each(all)('(%s) responds with problems to what is no HTTP, or not ours', async (port) => {
    const origin = urlOf(gateway, port);
    const send = async (bytes: string) => problemIn(await sendBytes(origin, bytes));
    expect((await send('nonsense\r\n\r\n')).detail).toBe('The request is not valid HTTP.');
    expect((await send(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`)).status).toBe(431);
    expect((await send(`GET ${own[port]} HTTP/1.1\r\n\r\n`)).detail).toBe('The Host header is missing.');
    expect((await send('GET /a/%2e%2e/b HTTP/1.1\r\nhost: a\r\n\r\n')).status).toBe(400);
    const expecting = `GET ${own[port]} HTTP/1.1\r\nhost: a\r\nexpect: nothing\r\nconnection: close\r\n\r\n`;
    expect((await sendBytes(origin, expecting)).status).not.toBe(417);
  });

  it('has the limits and timeouts of the others', () => {
    const [callers, ...others] = gateway.app
      .getHttpAdapter()
      .getInstance()
      .servers()
      .map((server) => ({
        maxConnections: server.maxConnections,
        timeout: server.timeout,
        keepAliveTimeout: server.keepAliveTimeout,
        headersTimeout: server.headersTimeout,
        requestTimeout: server.requestTimeout,
        clientErrors: server.listenerCount('clientError'),
        expectations: server.listenerCount('checkExpectation'),
      }));
    expect(others).toEqual([callers, callers]);
  });

  it('counts its requests for one page of metrics', async () => {
    await fetch(`${gateway.urls.callbacks}/unknown`);
    await gateway.get(badge());
    const metrics = await (await fetch(`${gateway.urls.management}/metrics`)).text();
    for (const route of ['/callbacks/kiip', '/api/user/unviewed-count', '/health/ready', 'unknown'])
      expect(metrics).toMatch(new RegExp(`^rewards_gateway_http_requests_total\\{.*route="${route}"`, 'm'));
  });
});

describe('a worker', () => {
  it('has no port for callbacks, and nothing but 404 on the port for callers', async () => {
    const worker = await startGateway({ ...BOTH, ROLE: 'worker', DELIVERY_CONSUMERS: consumers({}) });
    expect(Object.keys(worker.urls)).toEqual(['management']);
    for (const path of ['/health/live', '/metrics', '/callbacks/kiip', '/api/v1/deliveries', '/docs'])
      expect([path, (await worker.get(path)).status]).toEqual([path, 404]);
    expect((await fetch(`${worker.urls.management}/health/live`)).status).toBe(200);
    expect((await fetch(`${worker.urls.management}/docs`)).status).toBe(404);
    await worker.close();
  });
});

describe('ports that are configured', () => {
  it('must differ, unless they are 0', () => {
    expect(configErrors({ PORT: '80', CALLBACK_PORT: '80' })).toEqual([
      'CALLBACK_PORT must differ from PORT',
    ]);
    expect(configErrors({ CALLBACK_PORT: '81', MANAGEMENT_PORT: '81' })).toEqual([
      'MANAGEMENT_PORT must differ from CALLBACK_PORT',
    ]);
    expect(configErrors({ MANAGEMENT_PORT: '3000' })).toEqual(['MANAGEMENT_PORT must differ from PORT']);
    expect(configErrors({ PORT: '0', ...BOTH })).toEqual([]);
  });
});
