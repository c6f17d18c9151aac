import { startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { consumers } from '../support/config.js';
import { problemIn } from '../support/problem.js';
import { sendBytes } from '../support/raw-http.js';

/** A request that every hook would reject: without Host, credential and a readable body. */
function requestBytes(line: string, headers: Record<string, string> = {}): string {
  const all = { 'x-request-id': 'order-1', 'content-type': 'text/xml', 'content-length': '4', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join('')}\r\n<a/>`;
}

describe('the hooks of a request', () => {
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startGateway({});
  });
  beforeEach(() => void (gateway.log.length = 0));
  afterAll(() => gateway.close());

  const send = (line: string, headers?: Record<string, string>) =>
    sendBytes(gateway.url, requestBytes(line, headers));

  it('set the request id and write the access log before they reject a missing Host', async () => {
    const response = await send('POST /api/v1/unviewed-counts');
    expect([response.status, problemIn(response).detail]).toEqual([400, 'The Host header is missing.']);
    expect(response.headers['x-request-id']).toBe('order-1');
    expect(gateway.log).toEqual([
      expect.objectContaining({ msg: 'request', requestId: 'order-1', status: 400 }),
    ]);
  });

  it('reject a missing Host before an unknown path', async () => {
    expect((await send('POST /unknown')).status).toBe(400);
  });

  it.each([
    ['an unknown path', 'POST /unknown', 404],
    ['an unknown method', 'DELETE /api/v1/unviewed-counts', 405],
  ])('reject %s before they authenticate', async (_, line, status) => {
    expect((await send(line, { host: 'a' })).status).toBe(status);
  });

  it('authenticate before they read the body', async () => {
    const headers = { host: 'a', 'content-length': '2000000' };
    expect((await send('POST /api/v1/unviewed-counts', headers)).status).toBe(401);
  });

  it('count the requests that they reject', async () => {
    const metrics = await (await gateway.get('/metrics')).text();
    const counted = (route: string, status: number) =>
      new RegExp(`^rewards_gateway_http_requests_total.*${route}.*status="${status}"`, 'm').test(metrics);
    expect(counted('/api/v1/unviewed-counts', 400)).toBe(true);
    expect(counted('unknown', 404)).toBe(true);
    expect(counted('/api/v1/unviewed-counts', 401)).toBe(true);
  });
});

describe('the hooks of a request to a worker', () => {
  let worker: Gateway;

  beforeAll(async () => {
    worker = await startGateway({ ROLE: 'worker', DELIVERY_CONSUMERS: consumers({}) });
  });
  afterAll(() => worker.close());

  it.each([
    'POST /api/v1/unviewed-counts',
    'DELETE /api/v1/unviewed-counts',
    'POST /callbacks/kiip',
    'GET /docs',
    'GET /openapi.json',
    'GET /console/',
    'GET /console/api/v1/deliveries',
  ])('reject %s as not found before they authenticate', async (line) => {
    const response = await sendBytes(worker.url, requestBytes(line, { host: 'a' }));
    expect([response.status, response.headers['x-request-id']]).toEqual([404, 'order-1']);
  });

  it.each([
    ['GET /health/live', 200],
    ['GET /metrics', 200],
    ['POST /health/live', 405],
  ])('let %s pass', async (line, status) => {
    const bytes = `${line} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`;
    expect((await sendBytes(worker.url, bytes)).status).toBe(status);
  });
});
