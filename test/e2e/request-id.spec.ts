import supertest from 'supertest';
import { canary, credentials, paths, requestId, setupLeakDetection } from '../support/leak-detection.js';
import { problemIn } from '../support/problem.js';

const world = setupLeakDetection();

describe('X-Request-Id', () => {
  it.each(['a', '0', 'A-b_c.d:e', 'x'.repeat(128), '0b6f6c1e-6a52-4c39-9f5a-1f1e8f0f7c55'])(
    'is the id of the caller when it is well formed: %s',
    async (id) => {
      const response = await world.get('/nothing', { 'x-request-id': id });

      expect(problemIn(response).instance).toBe(id);
      expect(response.headers['x-request-id']).toBe(id);
      world.expectLinesOf(id);
    },
  );

  it.each([
    ['none', undefined],
    ['empty', ''],
    ['too long', 'x'.repeat(129)],
    ['blanks', `${canary} ${canary}`],
    ['a comma', 'a,b'],
    ['quotes', '"a"'],
    ['JSON', `{"${canary}":1}`],
    ['an encoded line end', `${canary}%0d%0aX-Evil: 1`],
    ['a terminal escape', `${canary}[31m`],
    ['Latin-1', 'é'],
    ['UTF-8 bytes', Buffer.from('日本').toString('latin1')],
    ['a fullwidth letter', Buffer.from('ａ').toString('latin1')],
  ])('is a new id when the id of the caller is malformed: %s', async (_, id) => {
    const line = id === undefined ? '' : `X-Request-Id: ${id}\r\n`;
    const bytes = Buffer.from(
      `GET /nothing HTTP/1.1\r\nHost: a\r\n${line}Connection: close\r\n\r\n`,
      'latin1',
    );
    const response = await world.raw(bytes);
    const { instance } = problemIn(response);

    expect(instance).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    world.expectLinesOf(instance);
  });

  it('is a new id when the caller sends two', async () => {
    const response = await world.raw(
      'GET /nothing HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\nX-Request-Id: b\r\n\r\n',
    );

    expect(problemIn(response).instance).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is on every response, and differs between requests', async () => {
    const served = await Promise.all(
      Array.from({ length: 20 }, () => supertest(world.gateway.url).get('/health/live')),
    );

    expect(new Set(served.map(({ headers }) => String(headers['x-request-id']))).size).toBe(20);
  });

  it('is on the log lines of its own request when requests are served concurrently', async () => {
    world.kigo.addFault({ route: 'lookup', kind: 'status', status: 400, body: canary });
    const ids = Array.from({ length: 20 }, (_, index) => `caller-${index}`);
    await Promise.all(
      ids.map((id, index) =>
        world.get(`/api/v1/accounts?external_user_id=${index}&external_program_id=p`, {
          ...credentials,
          'x-request-id': id,
        }),
      ),
    );

    expect(
      world
        .requestLines()
        .map((line) => (line as { requestId: string }).requestId)
        .toSorted(),
    ).toEqual(ids.toSorted());
  });

  it('is on the log lines of a request whose body arrives in pieces', async () => {
    world.kigo.addFault({ route: 'lookup', kind: 'status', status: 500, times: 1 });
    const body = JSON.stringify({ users: [{ external_user_id: 'u', external_program_id: 'p' }] });
    const response = fetch(world.gateway.url + paths.batch, {
      method: 'POST',
      headers: { ...credentials, 'x-request-id': requestId, 'content-type': 'application/json' },
      body: ReadableStream.from([body.slice(0, 9), body.slice(9)].map((piece) => Buffer.from(piece))),
      duplex: 'half',
    });

    expect((await response).status).toBe(200);
    expect(world.gateway.log.map(({ msg }) => msg)).toContain('retrying upstream call');
    world.expectLinesOf(requestId);
  });
});
