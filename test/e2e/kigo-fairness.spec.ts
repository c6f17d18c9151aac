import { badge, everyScope, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

const noCache = { 'cache-control': 'no-cache' };
const busy = { authorization: 'Bearer busy-key' };

const user = (id: string) => ({ external_user_id: id, external_program_id: 'p' });

let world: World;
let userCount = 0;

beforeAll(async () => {
  world = await startWorld({
    API_KEYS: 'busy:busy-key,tester:test-api-key-0001',
    CALLER_SCOPES: everyScope('busy', 'tester'),
    KIGO_TIMEOUT_MS: '10000',
  });
  world.kigo.configure({ unknownUser: 'create' });
  await world.gateway.get(badge());
});
beforeEach(() => world.kigo.clearRequests());
afterEach(() => world.kigo.clearFaults());
afterAll(() => world.close());

const calls = () => world.kigo.requests('lookup').length + world.kigo.requests('summary').length;
const nextUser = () => {
  userCount += 1;
  return `u${userCount}`;
};

const batch = (size: number) => ({ users: Array.from({ length: size }, () => user(nextUser())) });

it('a batch asks for each user once, however often it names him', async () => {
  const users = Array.from({ length: 100 }, (_, index) => user(`same-${index % 2}`));
  const response = await world.gateway.post('/api/v1/unviewed-counts', { users }, noCache);
  const { results } = (await response.json()) as { results: object[] };
  expect(results).toEqual(users.map((each) => ({ ...each, count: expect.any(Number) as number })));
  expect(calls()).toBe(4);
});

it('no-cache asks at most once a second for a user, and never responds with what is older than the request', async () => {
  const path = badge(nextUser(), 'p');
  const first = Date.now();
  const responses = await Promise.all(Array.from({ length: 20 }, () => world.gateway.get(path, noCache)));
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
  const again = Date.now();
  expect((await world.gateway.get(path, noCache)).headers.get('cache-status')).toBe(
    'rewards-gateway; fwd=request',
  );
  const seconds = 1 + Math.floor((Date.now() - first) / 1_000);
  for (const route of ['lookup', 'summary'] as const) {
    const asked = world.kigo.requests(route);
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.length).toBeLessThanOrEqual(seconds + 1);
  }
  expect(again).toBeGreaterThan(first);
});

it('a caller with many single counts does not keep another one waiting', async () => {
  // As many as may be in flight: the others wait.
  world.kigo.addFault({ kind: 'slow', delayMs: 4_000, route: 'lookup', times: 64 });
  const ask = (headers?: Record<string, string>) => world.gateway.get(badge(nextUser(), 'p'), headers);
  const flood = Array.from({ length: 64 }, () => ask(busy));
  await waitFor('Kigo has as many as it gets at a time', () => calls() === 64);
  const waiting = Array.from({ length: scale(100, 500) }, () => ask(busy));
  const own = await ask();
  expect(own.status).toBe(200);
  const order = world.kigo.requests('lookup').map(({ url }) => url);
  expect(order.findIndex((url) => url.includes(`=u${userCount}&`))).toBeLessThan(64 + 10);
  await Promise.all([...flood, ...waiting]);
});

it('a caller with many batches does not keep the batch of another one waiting', async () => {
  world.kigo.addFault({ kind: 'slow', delayMs: 100, route: 'lookup' });
  const flood = Array.from({ length: scale(3, 9) }, () =>
    world.gateway.post('/api/v1/unviewed-counts', batch(100), busy),
  );
  await waitFor('Kigo has as many as it gets at a time', () => calls() >= 16);
  const startedAt = performance.now();
  const response = await world.gateway.post('/api/v1/unviewed-counts', batch(5));
  const ownMs = performance.now() - startedAt;
  const { results } = (await response.json()) as { results: { count?: number }[] };
  expect(results.filter(({ count }) => count === undefined)).toEqual([]);
  await Promise.all(flood);
  expect(ownMs).toBeLessThan((performance.now() - startedAt) / 2);
});

it('a batch costs as many units of the rate limit as it has users', async () => {
  const limited = await startWorld({ RATE_LIMIT_PER_MINUTE: '150' });
  try {
    const ask = async (size: number) => {
      const body = { users: Array.from({ length: size }, () => user('x')) };
      const response = await limited.gateway.post('/api/v1/unviewed-counts', body);
      return [response.status, response.headers.get('ratelimit')];
    };
    expect(await ask(100)).toEqual([200, '"caller";r=50;t=60']);
    expect((await ask(51))[0]).toBe(429);
    expect(await ask(40)).toEqual([200, expect.stringContaining('r=10;')]);
    expect((await limited.gateway.get(badge())).headers.get('ratelimit')).toMatch('r=9;');
    expect((await ask(0))[0]).toBe(400);
  } finally {
    await limited.close();
  }
});
