import supertest from 'supertest';
import {
  apiKey,
  canary,
  paths,
  requestId,
  urn,
  setupLeakDetection,
  user,
} from '../support/leak-detection.js';
import { problemIn } from '../support/problem.js';

const world = setupLeakDetection({ perTest: false });

describe('a caller', () => {
  const wrong: [string, Record<string, string>][] = [
    ['no credential', {}],
    ['a wrong key', { authorization: `Bearer ${canary}` }],
    ['an empty credential', { authorization: '' }],
    ['an empty key', { authorization: 'Bearer ' }],
    ['a key without a scheme', { authorization: apiKey }],
    ['the Basic scheme', { authorization: `Basic ${Buffer.from(`tester:${apiKey}`).toString('base64')}` }],
    ['the name and the key', { authorization: `Bearer tester:${apiKey}` }],
    ['the key in another case', { authorization: `Bearer ${apiKey.toUpperCase()}` }],
    ['the start of a key', { authorization: `Bearer ${apiKey.slice(0, -1)}` }],
    ['a key with one more character', { authorization: `Bearer ${apiKey}x` }],
    ['a key and a second one', { authorization: `Bearer ${apiKey} ${apiKey}` }],
    ['quotes around the key', { authorization: `Bearer "${apiKey}"` }],
    ['a tab instead of the space', { authorization: `Bearer\t${apiKey}` }],
    ['the key in another header', { 'x-api-key': apiKey }],
    ['a cookie', { cookie: `authorization=Bearer ${apiKey}` }],
  ];
  const body = JSON.stringify({ users: [user] });

  it.each(wrong)('is rejected on every route with %s', async (_, headers) => {
    for (const path of [paths.badge, paths.account, paths.summary]) {
      const response = await world.get(path, headers);
      expect(problemIn(response)).toMatchObject({
        status: 401,
        type: urn('unauthenticated'),
        instance: requestId,
      });
      expect(response.headers['www-authenticate']).toMatch(/^Bearer realm="[^"]+"$/);
    }
    const sent = { 'content-type': 'application/json', ...headers };
    const posted = await world.record(supertest(world.gateway.url).post(paths.batch).set(sent).send(body));
    expect(problemIn(posted).status).toBe(401);
    const head = await world.record(supertest(world.gateway.url).head(paths.badge).set(headers));
    expect(head.status).toBe(401);
    expect(head.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(head.text ?? '').toBe('');
    expect(world.kigo.requests()).toEqual([]);
  });

  it.each([
    ['an invalid query', 'GET', '/api/v1/accounts', {}, ''],
    ['invalid JSON', 'POST', paths.batch, { 'content-type': 'application/json' }, '{'],
    ['an unsupported media type', 'POST', paths.batch, { 'content-type': 'text/xml' }, '<a/>'],
    [
      'a body that is too large',
      'POST',
      paths.batch,
      { 'content-type': 'application/json', 'content-length': '2000000' },
      '',
    ],
  ])(
    'without a credential gets 401 before anything else is checked: %s',
    async (_, method, path, headers, body) => {
      const lines = Object.entries({ host: 'a', 'content-length': String(body.length), ...headers });
      const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');

      expect(problemIn(await world.raw(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`)).status).toBe(401);
    },
  );

  it.each(['Bearer', 'bearer', 'BEARER', 'Bearer   '])('may send the scheme as "%s"', async (scheme) => {
    const response = await world.get(paths.badge, { authorization: `${scheme} ${apiKey}` });

    expect(response.status).toBe(200);
    expect(world.requestLines()).toEqual([expect.objectContaining({ caller: 'tester' })]);
  });

  it('needs no credential for public routes', async () => {
    for (const path of ['/health/live', '/docs', '/openapi.json', '/openapi.yaml'])
      expect([path, (await supertest(world.gateway.url).get(path)).status]).toEqual([path, 200]);
  });
});
