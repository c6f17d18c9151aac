import supertest from 'supertest';
import { sendBytes } from '../support/raw-http.js';
import { apiKey, credentials, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { rejectedIds, strangeIds } from '../support/ids.js';
import { pointersIn, problemIn } from '../support/problem.js';
import { EXPECTED_HEADERS, receivedLookups } from '../support/seen-by-kigo.js';
import { workOf } from '../support/cpu-work.js';

const path = '/api/v1/unviewed-counts';
const BODY_LIMIT = 1024 * 1024;
const user = { external_user_id: 'user123', external_program_id: 'program456' };
const [userText, validation] = [JSON.stringify(user), 'urn:rewards-gateway:problem:validation'];

let world: World;

beforeAll(async () => {
  world = await startWorld();
  world.kigo.configure({ unknownUser: 'create' });
});

beforeEach(() => world.kigo.clearRequests());

afterAll(() => world.close());

function post(body: string | Buffer, headers: Record<string, string> = {}): supertest.Test {
  return supertest(world.gateway.url)
    .post(path)
    .set({ ...credentials, 'cache-control': 'no-cache', 'content-type': 'application/json', ...headers })
    .serialize((text: unknown) => text as string)
    .send(body as string);
}

/** The pointers of the violations; Kigo receives nothing. */
async function violatedPointers(body: string | Buffer): Promise<string[]> {
  const problem = problemIn(await post(body));
  expect(problem).toMatchObject({ status: 400, type: validation, retryable: false });
  expect(world.kigo.requests()).toEqual([]);
  return pointersIn(problem);
}

/** JSON array items or properties, nearly as many as fit in a body. */
function fill(unit: (index: number) => string): string {
  const parts: string[] = [];
  for (let length = 0; length < BODY_LIMIT - 2_000; length += parts.at(-1)!.length + 1)
    parts.push(unit(parts.length));
  return parts.join();
}

describe('the ids in POST /api/v1/unviewed-counts', () => {
  it.each(Object.entries(strangeIds))('reach Kigo unchanged with %s', async (_, id) => {
    const users = [
      { external_user_id: id, external_program_id: 'p' },
      { external_user_id: 'u', external_program_id: id },
    ];
    const response = await post(JSON.stringify({ users }));

    expect(response.status).toBe(200);
    expect(response.body).toEqual({ results: users.map((user) => ({ ...user, count: 0 })) });
    expect(receivedLookups(world.kigo)).toEqual(users.map((user) => Object.entries(user)));
    for (const { headers } of world.kigo.requests('lookup'))
      expect(Object.keys(headers).toSorted()).toEqual(EXPECTED_HEADERS);
  });

  it.each(Object.entries(rejectedIds))('reject the whole batch with %s', async (_, id) => {
    expect(
      await violatedPointers(JSON.stringify({ users: [user, { ...user, external_program_id: id }] })),
    ).toEqual(['/users/1/external_program_id']);
  });

  it.each([
    ['an array', '["a"]'],
    ['an empty array', '[]'],
    ['a number', '1'],
    ['a huge number', '1e400'],
    ['null', 'null'],
    ['true', 'true'],
    ['an object', '{"a":1}'],
    ['an object that resembles a string', '{"length":1,"0":"a"}'],
    ['an empty string', '""'],
    ['a lone high surrogate', '"\\ud800"'],
    ['a lone low surrogate', '"a\\udc00b"'],
    ['surrogates in the wrong order', '"\\ude00\\ud83d"'],
    ['an escaped NUL', '"a\\u0000"'],
    ['an escaped CRLF', '"a\\r\\nX-Evil: 1"'],
  ])('are rejected when one is %s', async (_, value) => {
    expect(
      await violatedPointers(
        `{"users":[${userText},{"external_user_id":${value},"external_program_id":"p"}]}`,
      ),
    ).toEqual(['/users/1/external_user_id']);
  });

  it('are rejected together, each with its pointer', async () => {
    expect(
      await violatedPointers(
        '{"users":[{},{"external_user_id":"u"},{"external_user_id":7,"x":1,"a/b~c":2}]}',
      ),
    ).toEqual([
      '/users/0/external_program_id',
      '/users/0/external_user_id',
      '/users/1/external_program_id',
      '/users/2/a~1b~0c',
      '/users/2/external_program_id',
      '/users/2/external_user_id',
      '/users/2/x',
    ]);
  });
});

describe('the body of POST /api/v1/unviewed-counts', () => {
  const of = (count: number) => `{"users":[${Array.from({ length: count }, () => userText).join()}]}`;

  it('is rejected when it is as deep as the limit of values allows', async () => {
    const deep = '{"a":'.repeat(997) + '1' + '}'.repeat(997);

    expect(await violatedPointers(`{"users":${deep}}`)).toContain('/users');
    expect(
      await violatedPointers(`{"users":[{"external_user_id":${deep},"external_program_id":"p"}]}`),
    ).not.toEqual([]);
  });

  it.each([1, 100])('may contain %d users', async (count) => {
    const response = await post(of(count));

    expect(response.status).toBe(200);
    expect((response.body as { results: unknown[] }).results).toHaveLength(count);
  });

  it.each([0, 101, 340, 1_000, 1_001, 15_000])('must not contain %d users', async (count) => {
    expect(await violatedPointers(of(count))).toEqual(['/users']);
  });

  it.each([
    ['no users', '{}', ['/users']],
    ['null for users', '{"users":null}', ['/users']],
    ['a string for users', '{"users":"user123"}', ['/users']],
    [
      'an object for users',
      `{"users":{"0":${userText}}}`,
      ['/users', '/users/0', '/users/external_program_id', '/users/external_user_id'],
    ],
    [
      'an object that resembles an array',
      '{"users":{"length":1}}',
      ['/users', '/users/external_program_id', '/users/external_user_id', '/users/length'],
    ],
    ['null for a user', '{"users":[null]}', ['/users/0']],
    ['a number for a user', `{"users":[${userText},5]}`, ['/users/1']],
    ['a string for a user', '{"users":["user123"]}', ['/users/0']],
    ['an empty array for a user', '{"users":[[]]}', ['/users/0']],
    ['an array of users for a user', `{"users":[${userText},[${userText}]]}`, ['/users/1']],
    ['an unknown property', `{"users":[${userText}],"extra":1}`, ['/extra']],
    [
      'an unknown property of a user',
      '{"users":[{"external_user_id":"u","external_program_id":"p","x":1}]}',
      ['/users/0/x'],
    ],
    ['a property called constructor', `{"users":[${userText}],"constructor":1}`, ['/constructor']],
    ['a property called hasOwnProperty', `{"users":[${userText}],"hasOwnProperty":1}`, ['/hasOwnProperty']],
    ['a property called isPrototypeOf', `{"users":[${userText}],"isPrototypeOf":1}`, ['/isPrototypeOf']],
    [
      'a user with a toString',
      '{"users":[{"external_user_id":"u","external_program_id":"p","toString":1}]}',
      ['/users/0/toString'],
    ],
    ['a property called then', `{"users":[${userText}],"then":1}`, ['/then']],
    ['an empty name', `{"users":[${userText}],"":1}`, ['/']],
    ['a name of a megabyte', `{"users":[${userText}],"${'n'.repeat(1_000_000)}":1}`, ['']],
  ])('is rejected with %s', async (_, body, pointers) => {
    expect(await violatedPointers(body)).toEqual(pointers);
  });

  it.each([
    ['an object', '{"__proto__":{"external_user_id":"a"},"users":[]}'],
    ['an object with an escaped name', `{"users":[${userText}],"\\u005f_proto__":{"polluted":true}}`],
    ['a user', '{"users":[{"__proto__":{"external_user_id":"a"},"external_program_id":"p"}]}'],
    ['a constructor', `{"users":[${userText}],"constructor":{"prototype":{"polluted":true}}}`],
  ])('cannot set the prototype of %s', async (_, body) => {
    expect(await violatedPointers(body)).toEqual([]);
    expect('polluted' in {}).toBe(false);
  });

  it.each([
    ['an array', '[]'],
    ['a number', '1'],
    ['a string', '"users"'],
    ['null', 'null'],
    ['true', 'true'],
  ])('is rejected when it is %s', async (_, body) => {
    expect(await violatedPointers(body)).toEqual(['']);
  });

  it.each([
    ['blank', ' \n'],
    ['truncated', `{"users":[${userText}`],
    ['followed by more text', `{"users":[${userText}]}x`],
    ['JSON with a comment', `{"users":[${userText}]/*x*/}`],
    ['JSON with a trailing comma', `{"users":[${userText},]}`],
    ['JSON with single quotes', `{'users':[]}`],
    [
      'JSON with a raw control character',
      '{"users":[{"external_user_id":"a\nb","external_program_id":"p"}]}',
    ],
    ['a form', 'users=1'],
    ['NaN', '{"users":NaN}'],
  ])('is rejected as invalid JSON when it is %s', async (_, body) => {
    const problem = problemIn(await post(body));

    expect(problem).toMatchObject({ status: 400, type: validation, detail: 'The body is not valid JSON.' });
    expect(world.kigo.requests()).toEqual([]);
  });

  it('is rejected when it is empty, which is no JSON and no other media type', async () => {
    const problem = problemIn(await post(''));
    expect(problem).toMatchObject({ status: 400, type: validation });
    expect(problem.detail).toContain('the body must be a JSON object');
  });

  it.each([
    ['a stray byte', [0xff]],
    ['half a character', [0xf0, 0x9f, 0x98]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['Latin-1', [0xe9]],
  ])('is rejected when it is not UTF-8: %s', async (_, bytes) => {
    const [before, after] = ['{"users":[{"external_user_id":"', '","external_program_id":"p"}]}'];
    const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
    const problem = problemIn(await post(body));

    expect(problem).toMatchObject({ status: 400, type: validation, detail: 'The body is not valid UTF-8.' });
    expect(world.kigo.requests()).toEqual([]);
  });

  it('is rejected in UTF-16', async () => {
    const problem = problemIn(await post(Buffer.from(`\uFEFF{"users":[${userText}]}`, 'utf16le')));

    expect(problem.status).toBe(400);
  });

  it('may begin with a byte order mark', async () => {
    const response = await post(`\uFEFF{"users":[${userText}]}`);

    expect(response.status).toBe(200);
    expect(receivedLookups(world.kigo)).toEqual([Object.entries(user)]);
  });

  it.each(['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON;charset=UTF-8'])(
    'may have the media type %s',
    async (type) => {
      expect((await post(`{"users":[${userText}]}`, { 'content-type': type })).status).toBe(200);
    },
  );

  it.each([
    ['no body', 'Content-Length: 0', '', 400],
    ['no body and no length', 'Accept: */*', '', 400],
    ['no body, but a media type', 'Content-Type: application/json', '', 400],
    ['no media type', 'Content-Length: 2', '{}', 415],
    ['an empty media type', 'Content-Type: \r\nContent-Length: 2', '{}', 415],
    ['no media type in chunks', 'Transfer-Encoding: chunked', '2\r\n{}\r\n0\r\n\r\n', 415],
  ])('is rejected with %s', async (_, headers, body, status) => {
    const response = await sendBytes(
      world.gateway.url,
      `POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${apiKey}\r\n${headers}\r\n\r\n${body}`,
    );

    expect(problemIn(response).status).toBe(status);
    expect(world.kigo.requests()).toEqual([]);
  });
});

describe('a hostile body of 1 MiB', () => {
  it.each([
    ['100,000 unknown properties', `{${fill((index) => `"m${index}":1`)}}`, ['']],
    ['a user of 100,000 unknown properties', `{"users":[{${fill((index) => `"m${index}":1`)}}]}`, ['']],
    ['350,000 empty users', `{"users":[${fill(() => '{}')}]}`, ['']],
    ['500,000 numbers', `{"users":[${fill(() => '1')}]}`, ['']],
    ['500,000 nested arrays', `{"users":${'['.repeat(500_000)}${']'.repeat(500_000)}}`, ['']],
    ['nested arrays in an unknown property', `{"x":${'['.repeat(500_000)}${']'.repeat(500_000)}}`, ['']],
    ['150,000 nested objects', `{"users":${'{"a":'.repeat(150_000)}1${'}'.repeat(150_000)}}`, ['']],
    ['arrays and objects in turn', `{"x":${'[{"a":'.repeat(100_000)}1${'}]'.repeat(100_000)}}`, ['']],
    [
      'an id of a million characters',
      `{"users":[{"external_user_id":"${'a'.repeat(1_000_000)}","external_program_id":"p"}]}`,
      ['/users/0/external_user_id'],
    ],
  ])('is rejected in a time that does not explode: %s', async (_, body, pointers) => {
    const reject = async () => expect(await violatedPointers(body)).toEqual(pointers);
    const plain = `{"users":[${fill((index) => `"${index}"`)}]}`;
    const baseline = await workOf(async () => expect(await violatedPointers(plain)).toEqual(['']));
    expect(await workOf(reject)).toBeLessThan(20 * baseline);
  });
});
