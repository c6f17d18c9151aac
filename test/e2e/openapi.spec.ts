import { statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import supertest from 'supertest';
import { parse } from 'yaml';
import { LifecycleService } from '../../src/health/lifecycle.service.js';
import { PROBLEMS } from '../../src/problem/problem.js';
import { sendBytes } from '../support/raw-http.js';
import { credentials, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { inline } from '../support/openapi-schema.js';
import type { Node } from '../support/openapi-schema.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';

interface Media {
  readonly schema?: object;
  readonly example?: unknown;
  readonly examples?: Record<string, { value: unknown }>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: { readonly example?: string };
}

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: string[];
  readonly security?: object[];
  readonly parameters?: Parameter[];
  readonly requestBody?: { content: Record<string, Media> };
  readonly responses: Record<string, { description: string; content?: Record<string, Media> }>;
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly description: string };
  readonly tags: { readonly name: string; readonly description: string }[];
  readonly security: object[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly webhooks: Record<string, { post: Operation }>;
  readonly components: { readonly schemas: Record<string, object> };
}

const FORMATS = {
  'date-time': /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
  int32: true,
  int64: true,
  double: true,
} as const;
const problemType = 'application/problem+json';

let world: World;
let database: TestDatabase;
let served: Node;
/** The same without references, but for those to schemas. */
let document: Document;
let ajv: Ajv2020;

beforeAll(async () => {
  database = await newDatabase();
  world = await startWorld(database.env);
  served = (await supertest(world.gateway.url).get('/openapi.json')).body as Node;
  document = inline(served) as Document;
  ajv = new Ajv2020({ strict: false, formats: FORMATS });
  ajv.addSchema(document, 'openapi');
});

afterAll(async () => {
  await world.close();
  await database.drop();
});

/** The paths in Fastify's printed tree of routes, written as in OpenAPI. */
function pathsOf(tree: string): string[] {
  const segments: string[] = [];
  return Array.from(
    tree.matchAll(/^([│ ]*)[├└]── (\S*)( \()?/gm),
    ([, indent = '', segment = '', served]) => {
      segments.splice(indent.length / 4, Infinity, segment);
      return served ? segments.join('').replaceAll(/:(\w+)/g, '{$1}') : '';
    },
  ).filter((path) => path !== '');
}

/** Every route of the app, but for HEAD and the description itself, as `get /path`. */
async function routes(): Promise<string[]> {
  const tree = world.gateway.app.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false });
  const paths = pathsOf(tree).filter((path) => !/^\/(docs|console|openapi\.)/.test(path));
  const found = await Promise.all(
    paths.map(async (path) => {
      const { headers } = await sendBytes(world.gateway.url, `PROPFIND ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      return String(headers['allow'])
        .split(', ')
        .map((method) => `${method.toLowerCase()} ${path}`);
    }),
  );
  return found.flat().filter((route) => !route.startsWith('head '));
}

function operations(): [route: string, operation: Operation][] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
  );
}

function operation(route: string): Operation {
  const [method, path] = route.split(' ') as [string, string];
  return document.paths[path]![method]!;
}

const isPublic = (route: string) => / \/(health|callbacks|metrics)\b/.test(route);
/** It needs a credential, and no scope. */
const OF_EVERY_CALLER = 'get /api/v1/caller';

/** The media type of a success response. */
const responseType = (route: string) => (route === 'get /metrics' ? 'text/plain' : 'application/json');

/** The examples of one media type. */
function examplesOf({ example, examples = {} }: Media): unknown[] {
  const named = Object.values(examples).map(({ value }) => value);
  return example === undefined ? named : [example, ...named];
}

/** The violations of a value against a schema of the document. */
function violations(schema: object, value: unknown): unknown[] {
  const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')) as object;
  const validate = ajv.compile(absolute);
  return validate(value) ? [] : (validate.errors ?? []);
}

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate({ ...served });

    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    expect(validator.version).toBe('3.1');
    expect(document.openapi).toBe('3.1.0');
  });

  it('is small enough to read', () => {
    const { size } = statSync(new URL('../../openapi.json', import.meta.url));
    expect(size).toBeLessThan(120 * 1_024);
  });

  it('describes its tags', () => {
    const tags = operations().flatMap(([, operation]) => operation.tags ?? []);
    expect(document.tags.map(({ name }) => name).toSorted()).toEqual([...new Set(tags)].toSorted());
    for (const { name, description } of document.tags)
      expect([name, description]).toEqual([name, expect.stringMatching(/^[A-Z].{5,}\.$/)]);
  });

  it('begins with what one can do', () => {
    const { description } = document.info;
    const parts = ['## What you can do', '## How to call it', '## Errors', '| type | status |'];
    const places = parts.map((part) => description.indexOf(part));

    expect(places[0]).toBeGreaterThan(0);
    expect(places).toEqual(places.toSorted((one, other) => one - other));
    // Only routes that exist.
    for (const [, method, path] of description.matchAll(/`(GET|POST) (\/[^`?]+)[^`]*`/g))
      expect(Object.keys(document.paths[path!] ?? {})).toContain(method!.toLowerCase());
  });

  it('is the same in YAML', async () => {
    const response = await supertest(world.gateway.url).get('/openapi.yaml');

    expect(response.headers['content-type']).toMatch(/yaml/);
    expect(parse(response.text)).toEqual(served);
  });

  it('describes every route, and no other', async () => {
    const described = operations().map(([route]) => route);

    expect(described.toSorted()).toEqual((await routes()).toSorted());
    expect(described).toContain('get /api/user/unviewed-count');
  });

  it('gives every operation a unique id, a summary, a description and a tag', () => {
    const ids = operations().map(([, { operationId }]) => operationId);

    expect(new Set(ids).size).toBe(ids.length);
    for (const [route, { operationId, summary, description, tags }] of operations()) {
      expect([route, description]).toEqual([route, expect.stringMatching(/^\S.{9,}/)]);
      expect([route, operationId]).toEqual([route, expect.stringMatching(/^[a-z][A-Za-z]+$/)]);
      expect([route, summary, tags]).toEqual([
        route,
        expect.stringMatching(/^[A-Z].{9,}/),
        [expect.any(String)],
      ]);
    }
  });

  it('requires a credential for every operation that is not public', async () => {
    expect(document.security).toEqual([{ caller: [] }]);
    const scope = expect.stringMatching(/^[a-z]+:[a-z]+$/) as unknown;
    for (const [route, { security }] of operations()) {
      const scopes = route === OF_EVERY_CALLER ? [] : [scope];
      expect([route, security]).toEqual([route, isPublic(route) ? [{}] : [{ caller: scopes }]]);
    }
  });

  it('lists 401 and 403 for every operation that is not public', () => {
    for (const [route, { responses }] of operations()) {
      const isOpen = isPublic(route);
      expect([route, '403' in responses]).toEqual([route, !isOpen && route !== OF_EVERY_CALLER]);
      // A callback's 401 is about its signature.
      const rejects = '401' in responses && !route.includes('/callbacks/');
      expect([route, rejects]).toEqual([route, !isOpen]);
    }
  });

  it('has a schema and an example that fits it for every response', async () => {
    for (const [route, { responses }] of operations()) {
      // On a busy machine, all of this in one go would make the gateway report a blocked event loop.
      await setImmediate();
      for (const [status, { description, content = {} }] of Object.entries(responses)) {
        const at = [route, status];
        const [type, media] = Object.entries(content)[0]!;
        const examples = examplesOf(media);

        expect([...at, type]).toEqual([...at, status.startsWith('2') ? responseType(route) : problemType]);
        expect([...at, description, examples.length]).not.toEqual([...at, '', 0]);
        expect(description).not.toBe('');
        expect(examples).not.toEqual([]);
        for (const example of examples) expect([...at, ...violations(media.schema!, example)]).toEqual(at);
      }
    }
  });

  it('has an example of each problem whose status is that of the response', () => {
    for (const [route, { responses }] of operations()) {
      for (const [status, { content = {} }] of Object.entries(responses)) {
        const problems = content[problemType] ? examplesOf(content[problemType]) : [];
        for (const problem of problems)
          expect([route, problem]).toEqual([route, expect.objectContaining({ status: Number(status) })]);
      }
    }
  });

  it.each([
    ['get /api/user/unviewed-count', [200, 400, 401, 403, 404, 429, 500, 502, 503, 504]],
    ['get /api/v1/accounts', [200, 400, 401, 403, 404, 429, 500, 502, 503, 504]],
    ['get /api/v1/accounts/{account_id}/hub-summary', [200, 400, 401, 403, 404, 429, 500, 502, 503, 504]],
    ['post /api/v1/unviewed-counts', [200, 400, 401, 403, 413, 415, 429, 500]],
    ['post /api/v1/unviewed-counts/refresh', [202, 400, 401, 403, 413, 415, 429, 500, 503]],
    ['post /api/v1/kiip/sessions', [200, 400, 401, 403, 409, 413, 415, 422, 429, 500, 502, 503, 504]],
    ['post /api/v1/kiip/moments', [200, 400, 401, 403, 409, 413, 415, 422, 429, 500, 502, 503, 504]],
    ['post /callbacks/kiip', [200, 400, 401, 413, 415, 429, 500, 503]],
    ['post /callbacks/kiip/redemptions', [200, 400, 401, 413, 415, 429, 500, 503]],
    ['post /callbacks/kiip/issuances', [200, 400, 401, 413, 415, 429, 500, 503]],
    ['get /api/v1/kiip/issuances', [200, 400, 401, 403, 410, 429, 500, 503]],
    ['get /api/v1/kiip/issuances/{id}', [200, 400, 401, 403, 404, 429, 500, 503]],
    ['post /api/v1/kiip/issuances/{id}/release', [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503]],
    ['post /api/v1/kiip/issuances/{id}/discard', [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503]],
    ['get /api/v1/kiip/users/{user_id}/balances', [200, 400, 401, 403, 429, 500, 503]],
    ['get /api/v1/kiip/reconciliation', [200, 400, 401, 403, 429, 500, 503]],
    ['get /api/v1/deliveries', [200, 400, 401, 403, 410, 429, 500, 503]],
    ['post /api/v1/deliveries/{id}/retry', [202, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503]],
    ['post /api/v1/deliveries/replays', [200, 202, 400, 401, 403, 413, 415, 429, 500, 503]],
    ['get /api/v1/deliveries/{id}', [200, 400, 401, 403, 404, 429, 500, 503]],
    ['get /api/v1/deliveries/consumers', [200, 401, 403, 429, 500, 503]],
    ['post /api/v1/deliveries/consumers/{name}/pause', [200, 400, 401, 403, 404, 413, 415, 429, 500, 503]],
    ['post /api/v1/deliveries/consumers/{name}/test', [200, 400, 401, 403, 404, 429, 500, 503]],
    ['post /api/v1/deliveries/replays/{id}/cancel', [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503]],
    ['get /api/v1/deliveries/replays/{id}', [200, 400, 401, 403, 404, 429, 500, 503]],
    ['get /metrics', [200, 500]],
    ['get /metrics/history', [200, 500]],
    ['get /api/v1/caller', [200, 401, 429, 500]],
    ['get /api/v1/kiip/users/{user_id}/rewards', [200, 400, 401, 403, 429, 500, 503]],
    ['get /health/live', [200, 500, 503]],
    ['get /health/startup', [200, 500, 503]],
    ['get /health/ready', [200, 500, 503]],
    ['get /health/dependencies', [200, 500, 503]],
  ])('lists the statuses of %s', (route, statuses) => {
    expect(Object.keys(operation(route).responses)).toEqual(statuses.map(String));
  });

  it('describes the webhook', () => {
    const { post } = document.webhooks['kiip.currency.issued']!;
    const { schema } = post.requestBody!.content['application/json']!;

    expect(post.parameters!.map(({ name }) => name)).toEqual([
      'webhook-id',
      'webhook-timestamp',
      'webhook-signature',
    ]);
    expect(
      violations(schema!, {
        type: 'kiip.currency.issued',
        timestamp: '2026-01-31T12:00:00.000Z',
        data: ledgerEntry(),
      }),
    ).toEqual([]);
    expect(
      violations(schema!, { type: 'other', timestamp: '2026-01-31T12:00:00.000Z', data: ledgerEntry() }),
    ).not.toEqual([]);
    expect(
      violations(schema!, { type: 'kiip.currency.issued', timestamp: '2026-01-31T12:00:00.000Z', data: {} }),
    ).not.toEqual([]);
  });

  it('has an example of every webhook that fits its schema', () => {
    for (const [name, { post }] of Object.entries(document.webhooks)) {
      const media = post.requestBody!.content['application/json']!;
      const [example] = examplesOf(media);
      expect(example).toMatchObject({ type: name });
      expect([name, ...violations(media.schema!, example)]).toEqual([name]);
    }
  });

  it('names the scope of each operation in its 403', () => {
    for (const [route, { security, responses }] of operations()) {
      const [scope] = Object.values(security![0]!).flat() as string[];
      if (scope === undefined) continue;
      const examples = examplesOf(responses['403']!.content![problemType]!) as { detail: string }[];
      expect([route, examples.map(({ detail }) => detail)]).toEqual([
        route,
        [`This caller lacks the scope ${scope}.`],
      ]);
    }
  });

  it('lists every named problem in its introduction', () => {
    for (const [name, { status }] of Object.entries(PROBLEMS))
      expect(document.info.description).toContain(`| \`urn:rewards-gateway:problem:${name}\` | ${status} |`);
  });

  it.each([
    'get /api/user/unviewed-count',
    'get /api/v1/accounts',
    'get /api/v1/accounts/{account_id}/hub-summary',
  ])('limits the ids of %s', (route) => {
    const ids = operation(route).parameters!.filter((parameter) => parameter.in !== 'header');

    for (const { required, schema } of ids) {
      expect(required).toBe(true);
      expect(schema).toMatchObject({ type: 'string', minLength: 1, maxLength: 256 });
    }
    expect(ids.length).toBeGreaterThan(0);
  });
});

/** The example of an entry in the feed. */
function ledgerEntry(): unknown {
  const [page] = examplesOf(
    operation('get /api/v1/kiip/issuances').responses['200']!.content!['application/json']!,
  );
  return (page as { items: unknown[] }).items[0];
}

/** Sends the example request of an operation. */
async function sendExample(route: string): Promise<supertest.Response> {
  const { parameters = [], requestBody } = operation(route);
  const [method, template] = route.split(' ') as ['get' | 'post', string];
  const example = (name: string) => parameters.find((parameter) => parameter.name === name)!.schema.example!;
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(example(name)));
  const query = parameters
    .filter(({ in: place }) => place === 'query')
    .map(({ name }) => [name, example(name)]);
  const call = supertest(world.gateway.url)[method](path).set(credentials).query(Object.fromEntries(query));
  const media = requestBody?.content['application/json'];
  return media ? call.send(examplesOf(media)[0] as object) : call;
}

interface Schema {
  readonly type?: string | string[];
  readonly format?: string;
  readonly enum?: unknown[];
  readonly default?: unknown;
  readonly properties?: Record<string, Schema>;
  readonly allOf?: Schema[];
}

/** Every property of every schema, as `Schema.property`. */
function properties(): (readonly [name: string, property: Schema])[] {
  return Object.entries(document.components.schemas as Record<string, Schema>).flatMap(([name, schema]) =>
    [schema, ...(schema.allOf ?? [])].flatMap((part) =>
      Object.entries(part.properties ?? {}).map(([key, property]) => [`${name}.${key}`, property] as const),
    ),
  );
}

function namesWhere(holds: (property: Schema, name: string) => boolean): string[] {
  return properties()
    .filter(([name, property]) => holds(property, name))
    .map(([name]) => name);
}

describe('the schemas of the OpenAPI document', () => {
  it('have names without the suffix of classes', () => {
    const names = Object.keys(document.components.schemas);

    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((name) => !/^[A-Z][A-Za-z]+$/.test(name) || /Dto/.test(name))).toEqual([]);
  });

  it('tell whole numbers from others', () => {
    expect(namesWhere(({ type = [] }) => type.includes('number'))).toEqual([
      'KiipLocation.lat',
      'KiipLocation.lng',
      'Reward.timeout_seconds',
    ]);
  });

  it('have 64 bits only where numbers may be large', () => {
    const large = namesWhere(({ format }) => format === 'int64');

    expect(large).toContain('Balance.quantity');
    expect(large.filter((name) => /status|_ms|_seconds|attempts|Consumer\.|accepted$/.test(name))).toEqual([
      'Reconciliation.accepted',
    ]);
  });

  it('tell times from other strings', () => {
    const times = namesWhere(({ format }) => format === 'date-time');
    const named = namesWhere((_, name) =>
      /(_at|_date|\.at|\.date|\.since|\.from|\.to|\.start|\.end|as_of|timestamp)$/.test(name),
    );

    expect(times.length).toBeGreaterThan(20);
    expect(times).toEqual(named);
  });

  it('have enums with names of their own', () => {
    expect(namesWhere(({ enum: values = [] }) => values.length > 1)).toEqual([]);
  });

  // Generators take a property that has a default for always present, also in requests.
  it('have no defaults but in their descriptions', () => {
    expect(namesWhere((property) => 'default' in property)).toEqual([]);
    expect(document.components.schemas['ReplayRequest']).toMatchObject({
      properties: { rate_per_second: { description: 'Rows that become due per second. Default: 100.' } },
    });
  });

  it('have the limits of the validators and the descriptions of the comments', () => {
    expect(document.components.schemas['UnviewedCountsRequest']).toMatchObject({
      properties: { users: { type: 'array', minItems: 1, maxItems: 100 } },
      required: ['users'],
    });
    expect(document.components.schemas['Account']).toMatchObject({
      properties: { account_id: { type: 'string', description: 'Opaque, always a string.' } },
      required: ['account_id'],
    });
  });
});

describe('the request examples of the OpenAPI document', () => {
  it.each([
    'get /api/user/unviewed-count',
    'get /api/v1/accounts',
    'get /api/v1/accounts/{account_id}/hub-summary',
    'post /api/v1/unviewed-counts',
  ])('get the response example from the sandbox: %s', async (route) => {
    const response = await sendExample(route);
    const media = operation(route).responses['200']!.content!['application/json']!;
    const [example] = examplesOf(media);
    const changing = /"(as_of|instance)":"[^"]+"/g;

    expect(response.status).toBe(200);
    expect(violations(media.schema!, response.body)).toEqual([]);
    expect(JSON.stringify(response.body).replaceAll(changing, '"$1"')).toBe(
      JSON.stringify(example).replaceAll(changing, '"$1"'),
    );
  });

  it.each(['live', 'startup', 'ready', 'dependencies'])(
    'get a valid response from /health/%s',
    async (name) => {
      const response = await sendExample(`get /health/${name}`);
      const { schema } = operation(`get /health/${name}`).responses['200']!.content!['application/json']!;

      expect(response.status).toBe(200);
      expect(violations(schema!, response.body)).toEqual([]);
    },
  );

  it('match the schema of their body', () => {
    for (const [route, { requestBody }] of operations())
      for (const media of Object.values(requestBody?.content ?? {})) {
        expect([route, examplesOf(media)]).not.toEqual([route, []]);
        for (const example of examplesOf(media))
          expect([route, violations(media.schema!, example)]).toEqual([route, []]);
      }
    const withBody = operations().filter(([, { requestBody }]) => requestBody);
    expect(withBody.map(([route]) => route).toSorted()).toEqual([
      'post /api/v1/deliveries/consumers/{name}/pause',
      'post /api/v1/deliveries/consumers/{name}/resume',
      'post /api/v1/deliveries/replays',
      'post /api/v1/deliveries/replays/{id}/cancel',
      'post /api/v1/deliveries/replays/{id}/pause',
      'post /api/v1/deliveries/replays/{id}/resume',
      'post /api/v1/deliveries/{id}/retry',
      'post /api/v1/kiip/issuances/{id}/discard',
      'post /api/v1/kiip/issuances/{id}/release',
      'post /api/v1/kiip/moments',
      'post /api/v1/kiip/sessions',
      'post /api/v1/unviewed-counts',
      'post /api/v1/unviewed-counts/refresh',
      'post /callbacks/kiip',
      'post /callbacks/kiip/issuances',
      'post /callbacks/kiip/redemptions',
    ]);
  });
});

describe('the problem examples of the OpenAPI document', () => {
  it.each<[string, () => PromiseLike<{ text: string }>, string, number]>([
    [
      'Validation',
      () => supertest(world.gateway.url).get('/api/v1/accounts?external_program_id=p').set(credentials),
      'get /api/v1/accounts',
      400,
    ],
    [
      'MissingUserId',
      () =>
        supertest(world.gateway.url)
          .post('/api/v1/unviewed-counts')
          .set(credentials)
          .send({ users: [{ external_program_id: 'p' }] }),
      'post /api/v1/unviewed-counts',
      400,
    ],
    [
      'InvalidAccountId',
      () =>
        supertest(world.gateway.url)
          .get(`/api/v1/accounts/${'x'.repeat(257)}/hub-summary`)
          .set(credentials),
      'get /api/v1/accounts/{account_id}/hub-summary',
      400,
    ],
    [
      'Unauthenticated',
      () => supertest(world.gateway.url).get('/api/v1/accounts'),
      'get /api/v1/accounts',
      401,
    ],
    [
      'AccountNotFound',
      () =>
        supertest(world.gateway.url)
          .get('/api/v1/accounts?external_user_id=u&external_program_id=p')
          .set(credentials),
      'get /api/v1/accounts',
      404,
    ],
    [
      'PayloadTooLarge',
      () =>
        sendBytes(
          world.gateway.url,
          `POST /api/v1/unviewed-counts HTTP/1.1\r\nHost: a\r\nAuthorization: ${credentials.authorization}\r\n` +
            'Content-Type: application/json\r\nContent-Length: 1048577\r\n\r\n',
        ),
      'post /api/v1/unviewed-counts',
      413,
    ],
    [
      'UnsupportedMediaType',
      () =>
        supertest(world.gateway.url)
          .post('/api/v1/unviewed-counts')
          .set({ ...credentials, 'content-type': 'text/plain' })
          .send('x'),
      'post /api/v1/unviewed-counts',
      415,
    ],
  ])('equal the responses of the service: %s', async (_, ask, route, status) => {
    const { instance, ...problem } = JSON.parse((await ask()).text) as { instance: string };
    const media = operation(route).responses[status]!.content![problemType]!;

    expect(examplesOf(media)).toEqual([{ ...problem, instance: expect.any(String) }]);
    expect(instance).not.toBe('');
  });

  it('equal the response of a failing probe', async () => {
    const { schema } = operation('get /health/ready').responses['503']!.content![problemType]!;
    // For good: no later test of this file looks at the readiness.
    world.gateway.app.get(LifecycleService).startDraining();
    const response = await supertest(world.gateway.url).get('/health/ready');

    expect(response.status).toBe(503);
    const { instance, ...problem } = JSON.parse(response.text) as { instance: string };
    expect(violations(schema!, { ...problem, instance })).toEqual([]);
    const [example] = examplesOf(operation('get /health/ready').responses['503']!.content![problemType]!);
    expect(example).toEqual({ ...problem, instance: expect.any(String) });
  });
});

describe('the page at /docs', () => {
  it.each(['/docs', '/docs/'])('is served at %s', async (path) => {
    const page = await supertest(world.gateway.url).get(path);

    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    expect(page.text).toContain('<title>Rewards Gateway</title>');
  });

  it('loads only files that exist', async () => {
    const page = await supertest(world.gateway.url).get('/docs/');
    const files = Array.from(
      page.text.matchAll(/(?:src|href)="(\.\/[^"]+)"/g),
      ([, file]) => new URL(file!, `${world.gateway.url}/docs/`).pathname,
    );

    expect(files.length).toBeGreaterThan(2);
    for (const file of files)
      expect([file, (await supertest(world.gateway.url).get(file)).status]).toEqual([file, 200]);
  });
});
