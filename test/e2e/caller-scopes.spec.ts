import supertest from 'supertest';
import { SCOPES } from '../../src/config/parsers.js';
import { apiKey, badge, startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { Issuer } from '../support/issuer.js';
import { problemIn } from '../support/problem.js';

interface Operation {
  readonly security?: Record<string, string[]>[];
}

/** Every operation of the OpenAPI document with what it needs; ids in its path are filled in. */
async function operationsOf(gateway: Gateway): Promise<[method: string, path: string, scope?: string][]> {
  const { body } = await supertest(gateway.url).get('/openapi.json');
  const { paths } = body as { paths: Record<string, Record<string, Operation>> };
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { security }]): [string, string, string?] => [
      method,
      path.replaceAll(/\{\w+\}/g, 'x'),
      security?.[0]?.['caller']?.[0],
    ]),
  );
}

const isOpen = (path: string) => /^\/((health|callbacks)\/|metrics$)/.test(path);

async function call(gateway: Gateway, method: string, path: string, credential?: string) {
  const headers = credential === undefined ? {} : { authorization: `Bearer ${credential}` };
  // No JSON: who is not let in does not even learn that.
  const init =
    method === 'post'
      ? { headers: { ...headers, 'content-type': 'application/json' }, body: '{' }
      : { headers };
  const response = await fetch(gateway.url + path, { method: method.toUpperCase(), ...init });
  const text = await response.text();
  return { status: response.status, headers: Object.fromEntries(response.headers), text };
}

describe('every operation of the API', () => {
  let issuer: Issuer;
  let gateway: Gateway;
  const callers = {
    everything: SCOPES,
    nothing: [],
    ...Object.fromEntries(SCOPES.map((scope) => [`only-${scope}`, [scope]])),
    ...Object.fromEntries(
      SCOPES.map((scope) => [`all-but-${scope}`, SCOPES.filter((other) => other !== scope)]),
    ),
  };

  beforeAll(async () => {
    issuer = await Issuer.start();
    gateway = await startGateway({ ...issuer.environment, CALLER_SCOPES: JSON.stringify(callers) });
  });
  afterAll(async () => {
    await gateway.close();
    await issuer.close();
  });

  it('is open, or says what a caller needs', async () => {
    const operations = await operationsOf(gateway);
    expect(operations.length).toBeGreaterThan(15);
    for (const [method, path, scope] of operations) {
      const closed = SCOPES.some((known) => known === scope);
      expect([method, path, closed]).toEqual([method, path, !isOpen(path)]);
    }
  });

  it('lets nobody in without a credential, with a wrong one or an expired one, unless it is open', async () => {
    const wrong = [
      undefined,
      'wrong',
      issuer.token({ aud: 'other' }),
      issuer.token({ sub: 'everything', exp: 1 }),
    ];
    for (const [method, path, scope] of await operationsOf(gateway))
      for (const credential of wrong) {
        const answer = await call(gateway, method, path, credential);
        const refused = answer.text.includes('urn:rewards-gateway:problem:unauthenticated');
        expect([method, path, refused]).toEqual([method, path, scope !== undefined]);
        expect(answer.status === 401 && problemIn(answer).type.endsWith(':unauthenticated')).toBe(refused);
      }
  });

  it('lets in who has its scope, and nobody else: 403, before the body is read', async () => {
    const operations = await operationsOf(gateway);
    for (const [method, path, scope = ''] of operations.filter(([, route]) => !isOpen(route))) {
      for (const sub of [`all-but-${scope}`, 'nothing', 'not-listed', 'constructor']) {
        const problem = problemIn(await call(gateway, method, path, issuer.token({ sub })));
        expect([method, path, problem.status, problem.type]).toEqual([method, path, 403, 'about:blank']);
        expect(problem.detail).toContain(scope);
      }
      for (const sub of [`only-${scope}`, 'everything']) {
        const { status } = await call(gateway, method, path, issuer.token({ sub }));
        expect([method, path, [401, 403].includes(status)]).toEqual([method, path, false]);
      }
    }
  });
});

/** What follows a `:` would be the key of a name. */
const spelled = (name: string) => name.replace(':', '.');
const keyOf = (name: string) => `the-key-of-${spelled(name)}`;

describe('every operation of the API, with API keys', () => {
  let gateway: Gateway;
  let operations: Awaited<ReturnType<typeof operationsOf>>;
  const callers = {
    nothing: [],
    ...Object.fromEntries(SCOPES.map((scope) => [`only-${spelled(scope)}`, [scope]])),
    ...Object.fromEntries(
      SCOPES.map((scope) => [`all-but-${spelled(scope)}`, SCOPES.filter((other) => other !== scope)]),
    ),
  };

  beforeAll(async () => {
    const names = [...Object.keys(callers), 'not-listed'];
    gateway = await startGateway({
      API_KEYS: names.map((name) => `${name}:${keyOf(name)}`).join(','),
      CALLER_SCOPES: JSON.stringify(callers),
    });
    operations = (await operationsOf(gateway)).filter(([, path]) => !isOpen(path));
  });
  afterAll(() => gateway.close());

  it('lets nobody in without a key, or with a wrong one', async () => {
    expect(operations.length).toBeGreaterThan(12);
    for (const [method, path] of operations)
      for (const credential of [undefined, 'wrong', keyOf('nobody'), keyOf('nothing').toUpperCase()]) {
        const { status, type } = problemIn(await call(gateway, method, path, credential));
        expect([method, path, credential, status, type]).toEqual([
          method,
          path,
          credential,
          401,
          'urn:rewards-gateway:problem:unauthenticated',
        ]);
      }
  });

  it('lets in the key that has its scope, and no other: 403', async () => {
    for (const [method, path, scope = ''] of operations) {
      for (const name of [`all-but-${scope}`, 'nothing', 'not-listed']) {
        const { status, detail } = problemIn(await call(gateway, method, path, keyOf(name)));
        expect([method, path, name, status]).toEqual([method, path, name, 403]);
        expect(detail).toContain(scope);
      }
      const { status } = await call(gateway, method, path, keyOf(`only-${scope}`));
      expect([method, path, [401, 403].includes(status)]).toEqual([method, path, false]);
    }
  });
});

describe('the scopes of callers with an API key', () => {
  it.each([
    ['are all while CALLER_SCOPES is not set', undefined, false],
    ['are those of their name', '{"tester":["kigo:read"]}', false],
    ['are none where the name has none', '{"tester":[]}', true],
    ['are none where the name is not listed', '{"other":["kigo:read"]}', true],
  ])('%s', async (_, CALLER_SCOPES, refused) => {
    const gateway = await startGateway({ CALLER_SCOPES });
    const { status } = await call(gateway, 'get', badge(), apiKey);
    await gateway.close();
    expect(status === 403).toBe(refused);
  });
});
