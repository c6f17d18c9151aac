import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import supertest from 'supertest';
import type { ProblemBody } from '../../src/problem/problem.js';
import {
  apiKey,
  canary,
  paths,
  requestId,
  urn,
  setupLeakDetection,
  user,
  credentials,
} from '../support/leak-detection.js';
import { problemIn } from '../support/problem.js';

const world = setupLeakDetection({ perTest: false });

describe('a request without a matching route', () => {
  it.each<[string, () => Promise<supertest.Response>, Partial<ProblemBody>]>([
    ['an unknown path', () => world.get(`/${canary}`), { type: urn('not-found'), status: 404 }],
    [
      'an unknown path with a body',
      () => world.post(`/${canary}`, canary),
      { type: urn('not-found'), status: 404 },
    ],
    [
      'an unknown path without a credential',
      () => world.get('/api/nothing', {}),
      { type: urn('not-found'), status: 404 },
    ],
    [
      'a known path with a trailing slash',
      () => world.get('/api/v1/accounts/'),
      { type: urn('not-found'), status: 404 },
    ],
    [
      'a known path in capitals',
      () => world.get('/API/v1/accounts'),
      { type: urn('not-found'), status: 404 },
    ],
    ['an undecodable path', () => world.get(`/${canary}/%zz`), { type: urn('validation'), status: 400 }],
    [
      'an unknown file of the docs',
      () => world.get(`/docs/${canary}.css`),
      { type: urn('not-found'), status: 404 },
    ],
  ])('gets a problem: %s', async (_, act, expected) => {
    expect(problemIn(await act())).toMatchObject({ ...expected, instance: requestId });
    expect(world.requestLines()).toEqual([expect.objectContaining({ status: expected.status, requestId })]);
    world.expectLinesOf(requestId);
  });
});

describe('a known path', () => {
  const paths: [string, string][] = [
    ['/api/user/unviewed-count', 'GET, HEAD'],
    ['/api/v1/accounts', 'GET, HEAD'],
    ['/api/v1/accounts/any/hub-summary', 'GET, HEAD'],
    ['/api/v1/unviewed-counts', 'POST'],
    ['/api/v1/unviewed-counts/refresh', 'POST'],
    ['/health/live', 'GET, HEAD'],
    ['/health/startup', 'GET, HEAD'],
    ['/health/ready', 'GET, HEAD'],
    ['/health/dependencies', 'GET, HEAD'],
    ['/docs', 'GET, HEAD'],
    ['/docs/swagger-ui.css', 'GET, HEAD'],
    ['/openapi.json', 'GET, HEAD'],
    ['/openapi.yaml', 'GET, HEAD'],
  ];
  const methods = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PROPFIND', 'PUT', 'QUERY', 'TRACE'];

  it.each(paths)('%s responds with 405 and "Allow: %s" to every other method', async (path, allow) => {
    for (const method of methods.filter((name) => !allow.split(', ').includes(name))) {
      // The method is checked before the credential and the media type of the body.
      const response = await world.raw(
        `${method} ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: 4\r\nConnection: close\r\n\r\n<a/>`,
      );

      expect([method, response.status, response.headers['allow']]).toEqual([method, 405, allow]);
      expect(response.text.includes(urn('method-not-allowed'))).toBe(method !== 'HEAD');
      expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    }
  });
});

const megabyte = 1024 * 1024;

function padded(size: number): string {
  return JSON.stringify({ users: [user] }).padEnd(size);
}

describe('a request body', () => {
  it('may have exactly 1 MiB', async () => {
    // The response contains the ids of the request.
    const response = await supertest(world.gateway.url)
      .post(paths.batch)
      .set({ ...credentials, 'content-type': 'application/json' })
      .serialize((text: unknown) => text as string)
      .send(padded(megabyte));

    expect(response.status).toBe(200);
    expect(response.body).toEqual({ results: [{ ...user, count: 0 }] });
  });

  it.each([
    ['announced', `Content-Length: ${megabyte + 1}`, ''],
    [
      'in chunks',
      'Transfer-Encoding: chunked',
      `${(megabyte + 1).toString(16)}\r\n${padded(megabyte + 1)}\r\n`,
    ],
  ])('is rejected with 413 above 1 MiB: %s', async (_, framing, body) => {
    const head = `POST ${paths.batch} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${apiKey}\r\nX-Request-Id: ${requestId}\r\n`;
    const response = await world.raw(`${head}Content-Type: application/json\r\n${framing}\r\n\r\n${body}`);

    expect(problemIn(response)).toMatchObject({ status: 413, type: 'about:blank', instance: requestId });
    expect(world.kigo.requests()).toEqual([]);
    world.expectLinesOf(requestId);
  });

  it.each([
    'text/plain',
    'application/jsonx',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/vnd.api+json',
    'nonsense',
  ])('is rejected with 415 as %s', async (type) => {
    const problem = problemIn(await world.post(paths.batch, canary, { 'content-type': type }));

    expect(problem).toMatchObject({ status: 415, type: 'about:blank', instance: requestId });
    world.expectLinesOf(requestId);
  });

  it.each([`{"users":[${canary}`, `{"users":"${canary}"}x`, canary])(
    'is rejected without being quoted when it is not JSON: %s',
    async (body) => {
      const problem = problemIn(await world.post(paths.batch, body));

      expect(problem).toMatchObject({ status: 400, type: urn('validation'), instance: requestId });
      world.expectLinesOf(requestId);
    },
  );
});

describe('invalid HTTP', () => {
  it.each([
    ['garbage', `${canary}\r\n\r\n`, 400],
    ['an unknown method', `${canary.toUpperCase()} / HTTP/1.1\r\nHost: a\r\n\r\n`, 400],
    ['another protocol', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`, 400],
    ['a TLS handshake', '\u0016\u0003\u0001\u0002\u0000\u0001', 400],
    ['a header without a name', `GET / HTTP/1.1\r\nHost: a\r\n: ${canary}\r\n\r\n`, 400],
    ['a folded header', `GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n ${canary}\r\n\r\n`, 400],
    ['a NUL in a header', `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${canary}\0\r\n\r\n`, 400],
    [
      'two lengths',
      `POST ${paths.batch} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
      400,
    ],
    [
      'a length and chunks',
      `POST ${paths.batch} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      'a chunk without a size',
      `POST ${paths.batch} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${apiKey}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${canary}\r\n`,
      400,
    ],
    ['a space in the path', `GET /${canary} x HTTP/1.1\r\nHost: a\r\n\r\n`, 400],
    ['no Host', `GET /health/live HTTP/1.1\r\n\r\n`, 400],
    ['headers beyond 16 KiB', `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${canary.repeat(3_000)}\r\n\r\n`, 431],
    ['a URL beyond 16 KiB', `GET /${canary.repeat(3_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
  ])('gets a problem: %s', async (_, bytes, status) => {
    const response = await world.raw(bytes);

    expect(problemIn(response)).toMatchObject({ status, type: 'about:blank' });
    expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('ends the connection after the response, even if the client never closes it', async () => {
    const server = world.gateway.app.getHttpServer();
    const { hostname, port } = new URL(world.gateway.url);
    const client = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const [accepted] = (await once(server, 'connection')) as [Socket];
    const closed = once(accepted, 'close', { signal: AbortSignal.timeout(3_000) });

    expect(accepted.remotePort).toBe(client.localPort);
    client.resume().write('garbage\r\n\r\n');
    await closed.finally(() => client.destroy());
    expect(accepted.destroyed).toBe(true);
  });

  it('does not include an unknown expectation, which is ignored', async () => {
    const response = await world.raw(`GET /health/live HTTP/1.1\r\nHost: a\r\nExpect: ${canary}\r\n\r\n`);

    expect(response.status).toBe(200);
  });
});
