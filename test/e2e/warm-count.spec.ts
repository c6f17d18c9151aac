import { asyncProperty, assert, constantFrom, oneof, record, string } from 'fast-check';
import { HubSummaryService } from '../../src/hub-summary/hub-summary.service.js';
import { badge, everyScope, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { findSeries, scrapeMetrics } from '../support/metrics.js';
import { scale } from '../support/scale.js';

const PATH = '/api/user/unviewed-count';
/** A header with which the controller answers, from the cache all the same. */
const BY_CONTROLLER = { 'cache-control': 'max-age=3600' };

let world: World;
let controllerCalls = 0;
beforeAll(async () => {
  world = await startWorld({
    API_KEYS: 'tester:test-api-key-0001,reader:key-2,limited:key-3',
    CALLER_SCOPES: JSON.stringify({
      ...(JSON.parse(everyScope('tester', 'limited')) as object),
      reader: ['kiip:write'],
    }),
    RATE_LIMIT_PER_MINUTE: '100000',
  });
  const summaries = world.gateway.app.get(HubSummaryService, { strict: false });
  const findCount = summaries.findCount.bind(summaries);
  summaries.findCount = (...args) => {
    controllerCalls += 1;
    return findCount(...args);
  };
  await world.gateway.get(badge());
});
afterAll(() => world.close());

/** What a caller sees, without what differs from call to call. */
async function ask(query: string, headers: Record<string, string> = {}) {
  const response = await world.gateway.get(PATH + query, { 'x-request-id': 'same', ...headers });
  const {
    age,
    date,
    ratelimit,
    'cache-control': cacheControl,
    ...others
  } = Object.fromEntries(response.headers);
  return {
    status: response.status,
    body: await response.text(),
    others,
    varying: [age, date, ratelimit?.replace(/r=\d+;t=\d+/, 'r;t'), cacheControl?.replace(/\d+/, 'n')].map(
      (value) => value?.replace(/\d+/g, (digits) => (digits.length < 3 ? 'n' : digits)),
    ),
  };
}
const query = badge().slice(PATH.length);
const encode = (text: string) => (text.isWellFormed() ? encodeURIComponent(text) : '%ff');

describe('a count that lies in memory', () => {
  it('is answered without the controller, as the controller would', async () => {
    const before = controllerCalls;
    const quick = await ask(query);
    expect(controllerCalls).toBe(before);
    const slow = await ask(query, BY_CONTROLLER);
    expect(controllerCalls).toBe(before + 1);
    expect(quick).toEqual(slow);
    expect(quick).toMatchObject({ status: 200, body: '{"count":12}' });
    expect(quick.others['cache-status']).toBe('rewards-gateway; hit');
    expect(quick.others['ratelimit-policy']).toBe('"caller";q=100000;w=60');
  });

  it('is counted and logged as the controller does', async () => {
    const changes: Record<string, number>[] = [];
    const lines: object[] = [];
    for (const headers of [{}, BY_CONTROLLER]) {
      world.gateway.log.length = 0;
      const before = await scrapeMetrics(world.gateway);
      await ask(query, headers);
      const after = await scrapeMetrics(world.gateway);
      const counted = ['http_requests_total', 'user_answers_total', 'cache_lookups_total'].flatMap((name) => {
        const [old, series] = [before, after].map((each) => findSeries(each, `rewards_gateway_${name}`));
        return Object.entries(series!)
          .filter(([labels, value]) => value !== old![labels] && !labels.includes('/metrics'))
          .map(([labels, value]) => [`${name} ${labels}`, value - (old![labels] ?? 0)] as const);
      });
      changes.push(Object.fromEntries(counted));
      const line = world.gateway.log.find(({ msg, route }) => msg === 'request' && route === PATH)!;
      lines.push({ ...line, time: 0, durationMs: typeof line['durationMs'] });
    }
    expect(changes[0]).toEqual(changes[1]);
    expect(Object.values(changes[0]!)).toEqual([1, 1, 1, 1]);
    expect(lines[0]).toEqual(lines[1]);
    expect(lines[0]).toMatchObject({ requestId: 'same', status: 200, caller: 'tester' });
  });

  it.each([
    ['without a credential', { authorization: '' }, 401],
    ['with an unknown key', { authorization: 'Bearer none' }, 401],
    ['without the scope', { authorization: 'Bearer key-2' }, 403],
    ['with no-cache', { 'cache-control': 'no-cache' }, 200],
  ])('is refused or asked for as ever %s', async (_, headers, status) => {
    expect((await ask(query, headers)).status).toBe(status);
  });

  it('is limited as ever', async () => {
    const strict = await startWorld({ RATE_LIMIT_PER_MINUTE: '3' });
    const statuses: number[] = [];
    for (let call = 0; call < 5; call += 1) statuses.push((await strict.gateway.get(badge())).status);
    const { headers } = await strict.gateway.get(badge());
    await strict.close();
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    expect(headers.get('ratelimit')).toMatch(/^"caller";r=0;t=\d+$/);
  });

  it('is limited by the address of the client that a trusted proxy names, where there are no callers', async () => {
    const open = await startWorld({
      CALLER_AUTH: 'none',
      API_KEYS: undefined,
      CALLER_SCOPES: undefined,
      TRUSTED_PROXY_HOPS: '1',
      RATE_LIMIT_PER_MINUTE: '1000',
    });
    const left: (string | undefined)[] = [];
    for (const client of [
      '192.0.2.1',
      '198.51.100.9, 192.0.2.1',
      '192.0.2.2',
      '192.0.2.1',
      '[2001:db8::1]:80',
    ])
      left.push(
        (await open.gateway.get(badge(), { 'x-forwarded-for': client })).headers
          .get('ratelimit')
          ?.slice(0, 14),
      );
    await open.close();
    expect(left).toEqual([999, 998, 999, 997, 999].map((units) => `"caller";r=${units}`));
  });

  it('is the answer to no other request than before', async () => {
    const part = oneof(
      string(),
      string({ unit: 'binary' }),
      constantFrom(
        '',
        '.',
        '..',
        '%',
        '%ff',
        '%00',
        '+',
        'user123',
        'program456',
        '__proto__',
        'constructor',
      ),
    );
    const name = oneof(
      constantFrom('external_user_id', 'external_program_id', 'external_user_id%20', '__proto__', 'other'),
      part,
    );
    await assert(
      asyncProperty(record({ user: part, program: part, name, value: part, raw: part }), async (drawn) => {
        const known = `external_user_id=${encode(drawn.user)}&external_program_id=${encode(drawn.program)}`;
        const queries = [
          `${query}&${encode(drawn.name)}=${encode(drawn.value)}`,
          `?${known}`,
          `${query}&${encode(drawn.raw)}`,
          `?external_user_id=${encode(drawn.user)}`,
          `?${known}&${known}`,
        ];
        for (const each of queries) {
          // The first one may fill the cache.
          await ask(each);
          expect(await ask(each)).toEqual(await ask(each, BY_CONTROLLER));
        }
      }),
      { numRuns: scale(8, 1_000) },
    );
  });
});
