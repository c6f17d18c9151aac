import supertest from 'supertest';
import { SCOPES } from '../../src/config/parsers.js';
import { apiKey, badge, startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { Issuer } from '../support/issuer.js';
import { problemIn } from '../support/problem.js';

interface Operation {
  readonly security?: Record<string, string[]>[];
}

/** Every operation of the OpenAPI document with its scope; ids in its path are filled in. */
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

const DEFAULTS = ['kigo:read', 'kiip:write', 'ledger:read'];
const isPublic = (path: string) => /^\/(health|callbacks|metrics)\b/.test(path);
const needsScope = ([, path]: readonly [string, string, string?]) =>
  !isPublic(path) && path !== '/api/v1/caller';

async function call(gateway: Gateway, method: string, path: string, credential?: string) {
  const headers = credential === undefined ? {} : { authorization: `Bearer ${credential}` };
  // Invalid JSON: a rejected caller does not even learn that.
  const init =
    method === 'post'
      ? { headers: { ...headers, 'content-type': 'application/json' }, body: '{' }
      : { headers };
  const response = await fetch(gateway.url + path, { method: method.toUpperCase(), ...init });
  const text = await response.text();
  return { status: response.status, headers: Object.fromEntries(response.headers), text };
}

describe('every operation of the API, with tokens', () => {
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

  it('is public or declares a scope', async () => {
    const operations = await operationsOf(gateway);
    expect(operations.length).toBeGreaterThan(15);
    for (const operation of operations) {
      const [method, path, scope] = operation;
      const scoped = SCOPES.some((known) => known === scope);
      expect([method, path, scoped]).toEqual([method, path, needsScope(operation)]);
    }
  });

  it('rejects missing, wrong and expired credentials, unless it is public', async () => {
    const wrong = [
      undefined,
      'wrong',
      issuer.token({ aud: 'other' }),
      issuer.token({ sub: 'everything', exp: 1 }),
    ];
    for (const [method, path] of await operationsOf(gateway))
      for (const credential of wrong) {
        const response = await call(gateway, method, path, credential);
        const rejected = response.text.includes('urn:rewards-gateway:problem:unauthenticated');
        expect([method, path, rejected]).toEqual([method, path, !isPublic(path)]);
        expect(response.status === 401 && problemIn(response).type.endsWith(':unauthenticated')).toBe(
          rejected,
        );
      }
  });

  it('responds with 403 to callers without its scope, before the body is read', async () => {
    const operations = await operationsOf(gateway);
    for (const [method, path, scope = ''] of operations.filter(needsScope)) {
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

/** A `:` in a name would end it. */
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
    operations = (await operationsOf(gateway)).filter(([, path]) => !isPublic(path));
  });
  afterAll(() => gateway.close());

  it('rejects missing and wrong keys', async () => {
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

  it('responds with 403 to keys without its scope', async () => {
    for (const [method, path, scope = ''] of operations.filter(needsScope)) {
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

describe('a caller without CALLER_SCOPES', () => {
  it('may read and report, and neither decides about money nor manages deliveries', async () => {
    const gateway = await startGateway({ CALLER_SCOPES: undefined });
    const operations = (await operationsOf(gateway)).filter(needsScope);
    const forbidden = new Set<string>();
    const allowed = new Set<string>();
    for (const [method, path, scope = ''] of operations) {
      const { status } = await call(gateway, method, path, apiKey);
      (status === 403 ? forbidden : allowed).add(scope);
    }
    await gateway.close();
    expect([...forbidden].toSorted()).toEqual(['deliveries:manage', 'ledger:decide']);
    expect([...allowed].toSorted()).toEqual(['kigo:read', 'kiip:write', 'ledger:read']);
  });

  it('may do no more without a name, with CALLER_AUTH=none', async () => {
    const gateway = await startGateway({ CALLER_AUTH: 'none', CALLER_SCOPES: undefined });
    const operations = (await operationsOf(gateway)).filter(needsScope);
    for (const [method, path, scope = ''] of operations) {
      const { status } = await call(gateway, method, path);
      expect([method, path, status === 403]).toEqual([
        method,
        path,
        ['deliveries:manage', 'ledger:decide'].includes(scope),
      ]);
    }
    await gateway.close();
  });
});

describe('a caller with an API key', () => {
  it.each([
    ['has the scopes of its name', '{"tester":["kigo:read"]}', false],
    ['has no scope when its list is empty', '{"tester":[]}', true],
    ['has no scope when its name is not listed', '{"other":["kigo:read"]}', true],
  ])('%s', async (_, CALLER_SCOPES, rejected) => {
    const gateway = await startGateway({ CALLER_SCOPES });
    const { status } = await call(gateway, 'get', badge(), apiKey);
    await gateway.close();
    expect(status === 403).toBe(rejected);
  });
});

describe('GET /api/v1/caller', () => {
  it.each([
    ['an API key', {}, { name: 'tester', scopes: DEFAULTS }],
    [
      'a key with scopes',
      { CALLER_SCOPES: '{"tester":["ledger:decide"]}' },
      { name: 'tester', scopes: ['ledger:decide'] },
    ],
    [
      'a key without scopes',
      { CALLER_SCOPES: '{"other":["ledger:decide"]}' },
      { name: 'tester', scopes: [] },
    ],
    ['no credential, with CALLER_AUTH=none', { CALLER_AUTH: 'none' }, { name: null, scopes: DEFAULTS }],
  ])('tells the name and the scopes of %s', async (_, env, expected) => {
    const gateway = await startGateway({ CALLER_SCOPES: undefined, ...env });
    const response = await gateway.get('/api/v1/caller');
    await gateway.close();
    expect([response.status, await response.json()]).toEqual([200, expected]);
  });
});
