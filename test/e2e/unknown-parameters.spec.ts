import supertest from 'supertest';
import { badge, credentials, startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { inline } from '../support/openapi-schema.js';
import type { Node } from '../support/openapi-schema.js';
import { pointersIn, problemIn } from '../support/problem.js';
import { getAsIs } from '../support/raw-http.js';

let gateway: Gateway;
/** Every route that needs a credential, ids filled in, with the parameters that it has. */
let routes: { method: string; path: string; known: string[] }[];

beforeAll(async () => {
  gateway = await startGateway({});
  const { body } = await supertest(gateway.url).get('/openapi.json');
  const { paths } = inline(body as Node) as {
    paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>;
  };
  routes = Object.entries(paths)
    .filter(([path]) => path.startsWith('/api'))
    .flatMap(([path, item]) =>
      Object.entries(item).map(([method, { parameters = [] }]) => ({
        method,
        path: path.replaceAll(/\{\w+\}/g, 'x'),
        known: parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name),
      })),
    );
});
afterAll(() => gateway.close());

const call = async (method: string, path: string) => {
  const body = method === 'post' ? { body: '{}', headers: { 'content-type': 'application/json' } } : {};
  const headers = { ...credentials, ...body.headers };
  const response = await fetch(gateway.url + path, { ...body, method: method.toUpperCase(), headers });
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text: await response.text(),
  };
};
const unknownIn = ({ status, text }: { status: number; text: string }) =>
  status === 400
    ? ((JSON.parse(text) as { errors?: { detail: string }[] }).errors ?? [])
        .map(({ detail }) => detail)
        .filter((detail) => detail.includes('is not a query parameter'))
    : [];

describe('an unknown query parameter', () => {
  it.each([
    'unknown',
    'cosumer',
    'Limit',
    'LIMIT',
    'user-id',
    'userId',
    'constructor',
    '__proto__',
    'then',
    '',
  ])('named "%s" is refused by name on every route of callers', async (name) => {
    expect(routes.length).toBeGreaterThan(12);
    for (const { method, path, known } of routes) {
      expect([path, known.includes(name)]).toEqual([path, false]);
      const response = await call(method, `${path}?${name}=1`);
      expect([method, path, problemIn(response).status, unknownIn(response)]).toEqual([
        method,
        path,
        400,
        [`${name} is not a query parameter of this route`],
      ]);
    }
  });

  it('is refused for every known name that is near: in another case, doubled, or shortened', async () => {
    const withQuery = routes.filter(({ known }) => known.length > 0);
    expect(withQuery.length).toBeGreaterThan(4);
    for (const { method, path, known } of withQuery)
      for (const name of known)
        for (const near of [name.toUpperCase(), `${name}s`, name.slice(0, -1), `${name}[]`, ` ${name}`])
          expect([
            path,
            near,
            unknownIn(await call(method, `${path}?${encodeURIComponent(near)}=x`)),
          ]).toEqual([path, near, [`${near} is not a query parameter of this route`]]);
  });

  it('is listed together with every other violation', async () => {
    const problem = problemIn(await call('get', '/api/v1/kiip/issuances?userId=user-999&limit=0'));
    expect(pointersIn(problem)).toEqual(['/limit', '/userId']);
  });

  it('that cannot be decoded is refused', async () => {
    const problem = problemIn(await getAsIs(gateway.url, `${badge()}&%zz=%FF`));
    expect([problem.status, pointersIn(problem)]).toEqual([400, ['/\u{FFFD}']]);
  });

  it('does not make a response large when there are thousands', async () => {
    const query = Array.from({ length: 2_000 }, (_, number) => `a${number}=`).join('&');
    const { status, text } = await call('get', `/api/v1/deliveries?${query}`);
    expect(status).toBe(400);
    expect(text.length).toBeLessThan(3_000);
  });

  it('is refused to nobody without a credential, who only learns that one is missing', async () => {
    for (const { method, path } of routes)
      expect((await fetch(`${gateway.url}${path}?unknown=1`, { method: method.toUpperCase() })).status).toBe(
        401,
      );
  });

  it('neither fails a probe nor a callback, which its signature judges', async () => {
    expect((await fetch(`${gateway.url}/health/live?unknown=1`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/metrics?unknown=1`)).status).toBe(200);
    const callback = await fetch(`${gateway.url}/callbacks/kiip?unknown=1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect([callback.status, (await callback.text()).includes('unknown')]).toEqual([400, false]);
  });
});
