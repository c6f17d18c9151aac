import * as fc from 'fast-check';
import supertest from 'supertest';
import { getAsIs } from '../support/raw-http.js';
import type { RawResponse } from '../support/raw-http.js';
import { credentials, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { rejectedIds, strangeIds } from '../support/ids.js';
import { pointersIn, problemIn } from '../support/problem.js';
import { receivedAccountIds, EXPECTED_HEADERS, receivedLookups } from '../support/seen-by-kigo.js';
import { scale } from '../support/scale.js';

const noCache = { 'cache-control': 'no-cache' };
const userId = 'external_user_id';
const programId = 'external_program_id';

let world: World;

beforeAll(async () => {
  world = await startWorld();
  world.kigo.configure({ unknownUser: 'create' });
});

beforeEach(() => world.kigo.clearRequests());

afterAll(() => world.close());

function get(path: string): supertest.Test {
  return supertest(world.gateway.url).get(path).set(credentials).set(noCache);
}

/** Percent-encodes every character; a lone surrogate becomes invalid UTF-8. */
function encode(text: string): string {
  return Array.from(text, (character) => {
    const point = character.codePointAt(0)!;
    const lone = point >= 0xd800 && point <= 0xdfff;
    const bytes = lone
      ? [0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)]
      : Buffer.from(character);
    return Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  }).join('');
}

function summary(id: string): string {
  return `/api/v1/accounts/${id}/hub-summary`;
}

/** The rules for ids, written independently. */
function isAllowed(id: string): boolean {
  const points = Array.from(id, (character) => character.codePointAt(0)!);
  const controls = points.filter((point) => point < 0x20 || (point >= 0x7f && point < 0xa0));
  return id.isWellFormed() && controls.length === 0 && points.length >= 1 && points.length <= 256;
}

function expectRejection(response: RawResponse | supertest.Response, pointer: string): void {
  const problem = problemIn(response);
  expect(problem.status).toBe(400);
  expect(pointersIn(problem)).toEqual([pointer]);
  expect(world.kigo.requests()).toEqual([]);
}

describe.each([
  ['GET /api/user/unviewed-count', '/api/user/unviewed-count'],
  ['GET /api/v1/accounts', '/api/v1/accounts'],
])('the query of %s', (_, path) => {
  it.each(Object.entries(strangeIds))('reaches Kigo unchanged with %s', async (_, id) => {
    const query = { [userId]: id, [programId]: `p ${id}`.slice(0, 200) };
    const response = await get(path).query(query);

    expect(response.status).toBe(200);
    expect(receivedLookups(world.kigo)).toEqual([Object.entries(query)]);
    for (const { headers } of world.kigo.requests('lookup'))
      expect(Object.keys(headers).toSorted()).toEqual(EXPECTED_HEADERS);
  });

  it.each(Object.entries(rejectedIds))('is rejected with %s in either parameter', async (_, id) => {
    for (const invalid of [userId, programId]) {
      const problem = problemIn(await get(path).query({ [userId]: 'u', [programId]: 'p', [invalid]: id }));

      expect(problem).toMatchObject({ status: 400, type: 'urn:rewards-gateway:problem:validation' });
      expect(problem.detail).toContain(invalid);
      expect(pointersIn(problem)).toEqual([`/${invalid}`]);
      expect(JSON.stringify(problem)).not.toContain('Evil');
    }
    expect(world.kigo.requests()).toEqual([]);
  });

  it.each<[string, string, string[]]>([
    ['nothing', '', [programId, userId]],
    ['one parameter only', `${userId}=u`, [programId]],
    ['an empty parameter', `${userId}=&${programId}=p`, [userId]],
    ['a parameter without "="', `${userId}&${programId}=p`, [userId]],
    ['two empty parameters', `${userId}=&${programId}=`, [programId, userId]],
    ['a repeated parameter', `${userId}=u&${userId}=v&${programId}=p`, [userId]],
    ['a parameter repeated with the same value', `${userId}=u&${programId}=p&${userId}=u`, [userId]],
    [
      'a parameter repeated under an encoded name',
      `${userId}=u&external%5Fuser_id=v&${programId}=p`,
      [userId],
    ],
    ['an array parameter', `${userId}[]=u&${programId}=p`, [userId, `${userId}[]`]],
    ['an indexed parameter', `${userId}[0]=u&${programId}=p`, [userId, `${userId}[0]`]],
    ['a nested parameter', `${userId}[x]=u&${programId}=p`, [userId, `${userId}[x]`]],
    ['a name in another case', `External_User_Id=u&${programId}=p`, ['External_User_Id', userId]],
    ['%FF', `${userId}=a%FFb&${programId}=p`, [userId]],
    ['%zz', `${userId}=a%zz&${programId}=p`, [userId]],
    ['a lone %', `${userId}=100%&${programId}=p`, [userId]],
    ['an overlong slash', `${userId}=%C0%AF&${programId}=p`, [userId]],
    ['an encoded surrogate', `${userId}=%ED%A0%80&${programId}=p`, [userId]],
    ['half a character', `${userId}=%F0%9F%98&${programId}=p`, [userId]],
    ['both undecodable', `${userId}=%FF&${programId}=%80`, [programId, userId]],
    ['8,000 times the same name', 'a&'.repeat(7_900), ['a', programId, userId]],
    ['a thousand repeats of a parameter', `${userId}=u&`.repeat(800) + `${programId}=p`, [userId]],
  ])('is rejected with %s', async (_, query, names) => {
    const problem = problemIn(await getAsIs(world.gateway.url, `${path}?${query}`));

    expect(problem).toMatchObject({ status: 400, type: 'urn:rewards-gateway:problem:validation' });
    expect(pointersIn(problem)).toEqual(names.map((name) => `/${name}`));
    expect(world.kigo.requests()).toEqual([]);
  });

  it('may contain empty pairs', async () => {
    const query = `&${userId}=u&&&${programId}=p&`;
    expect((await getAsIs(world.gateway.url, `${path}?${query}`, noCache)).status).toBe(200);
  });
});

/** Whether a proxy that decodes the path would find more segments than were sent, or resolve one. */
function isAmbiguous(id: string): boolean {
  return /[/\\]/.test(id) || id === '.' || id === '..';
}

function expectAmbiguous(response: RawResponse): void {
  const problem = problemIn(response);
  expect([problem.status, problem.type]).toEqual([400, 'urn:rewards-gateway:problem:validation']);
  expect(problem.detail).toMatch(/^The path must not contain encoded slashes, dot segments/);
  expect(world.kigo.requests()).toEqual([]);
}

describe('the account id in GET /api/v1/accounts/{account_id}/hub-summary', () => {
  const unambiguous = Object.entries(strangeIds).filter(([, id]) => !isAmbiguous(id));

  it.each(unambiguous)('reaches Kigo unchanged with %s', async (_, id) => {
    world.kigo.setAccount({ [userId]: 'owner', [programId]: id, account_id: id, unviewed_products: 7 });
    const response = await getAsIs(world.gateway.url, summary(encode(id)), noCache);

    expect(response.status).toBe(200);
    expect(JSON.parse(response.text)).toMatchObject({ account_id: id, unviewed_products: 7 });
    expect(receivedAccountIds(world.kigo)).toEqual([id]);
    for (const { headers } of world.kigo.requests('summary'))
      expect(Object.keys(headers).toSorted()).toEqual(EXPECTED_HEADERS);
  });

  it.each([
    ...Object.entries(rejectedIds)
      .filter(([, id]) => !isAmbiguous(id))
      .map(([name, id]) => [name, encode(id)]),
    ['a string as long as a URL may be', 'x'.repeat(15_000)],
  ])('is rejected with %s', async (_, id) => {
    const problem = problemIn(await getAsIs(world.gateway.url, summary(id)));

    expect(problem).toMatchObject({ status: 400, type: 'urn:rewards-gateway:problem:validation' });
    expect(problem.detail).toMatch(/^account_id must /);
    expect(pointersIn(problem)).toEqual(['/account_id']);
    expect(world.kigo.requests()).toEqual([]);
  });

  it.each(Object.entries({ ...strangeIds, ...rejectedIds }).filter(([, id]) => isAmbiguous(id)))(
    'is rejected before a route is found with %s',
    async (_, id) => {
      const response = await getAsIs(world.gateway.url, summary(encode(id)));
      expect(response.status).toBe(400);
      expectAmbiguous(response);
    },
  );

  it.each(['%FF', '%zz', '%', 'a%C0%AFb', '%ED%A0%80', '%2'])(
    'is rejected before a route is found when it is %s, which cannot be decoded',
    async (id) => {
      const problem = problemIn(await getAsIs(world.gateway.url, summary(id)));

      expect(problem).toMatchObject({
        status: 400,
        type: 'urn:rewards-gateway:problem:validation',
        detail: 'The path is not correctly percent-encoded UTF-8.',
      });
      expect(world.kigo.requests()).toEqual([]);
    },
  );

  it.each(['', 'a/b', 'a/b/c'])('matches no route when it is "%s"', async (id) => {
    const problem = problemIn(await getAsIs(world.gateway.url, summary(id)));

    expect(problem.type).toBe('urn:rewards-gateway:problem:not-found');
    expect(world.kigo.requests()).toEqual([]);
  });
});

describe('any string as an id', () => {
  const anyString = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.string({ unit: 'grapheme', maxLength: 300, size: 'max' }),
    fc.string({
      unit: fc.constantFrom(
        ...Array.from('%&#/+.\\\r\n\0=?;:@2eF aé😀'),
        '\u0085',
        '\uD800',
        '\uDC00',
        '\uFEFF',
      ),
      maxLength: 12,
    }),
    fc.nat(520).map((length) => 'é'.repeat(length)),
  );

  it('is rejected by name or reaches Kigo unchanged in a query', async () => {
    await fc.assert(
      fc.asyncProperty(anyString, async (id) => {
        world.kigo.clearRequests();
        const path = `/api/v1/accounts?${programId}=p&${userId}=${encode(id)}`;
        const response = await getAsIs(world.gateway.url, path, noCache);
        if (!isAllowed(id)) return expectRejection(response, `/${userId}`);
        expect(response.status).toBe(200);
        expect(receivedLookups(world.kigo)).toEqual([
          [
            [userId, id],
            [programId, 'p'],
          ],
        ]);
      }),
      { numRuns: scale(25, 400) },
    );
  });

  it('is rejected by name or reaches Kigo unchanged in a path', async () => {
    const decodable = anyString.filter((id) => id !== '' && id.isWellFormed());
    await fc.assert(
      fc.asyncProperty(decodable, async (id) => {
        world.kigo.clearRequests();
        const path = `/api/v1/accounts/${encode(id)}/hub-summary`;
        const response = await getAsIs(world.gateway.url, path, noCache);
        if (isAmbiguous(id)) return expectAmbiguous(response);
        if (!isAllowed(id)) return expectRejection(response, '/account_id');
        expect([200, 404]).toContain(response.status);
        expect(receivedAccountIds(world.kigo)).toEqual([id]);
      }),
      { numRuns: scale(25, 400) },
    );
  });

  it('is rejected by name or reaches Kigo unchanged in a JSON body', async () => {
    await fc.assert(
      fc.asyncProperty(anyString, async (id) => {
        world.kigo.clearRequests();
        const response = await supertest(world.gateway.url)
          .post('/api/v1/unviewed-counts')
          .set({ ...credentials, ...noCache, 'content-type': 'application/json' })
          .send(JSON.stringify({ users: [{ [userId]: 'u', [programId]: id }] }));
        if (!isAllowed(id)) return expectRejection(response, `/users/0/${programId}`);
        expect(response.status).toBe(200);
        expect(receivedLookups(world.kigo)).toEqual([
          [
            [userId, 'u'],
            [programId, id],
          ],
        ]);
      }),
      { numRuns: scale(25, 400) },
    );
  });
});
