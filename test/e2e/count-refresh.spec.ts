import { badge, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';

const user = (id: string) => ({ external_user_id: id, external_program_id: 'program456' });

let world: World;
let lastUser = 0;
let name: string;

beforeAll(async () => {
  world = await startWorld({ RATE_LIMIT_PER_MINUTE: '1000' });
});
beforeEach(async () => {
  world.kigo.configure({ unknownUser: 'create' });
  lastUser += 1;
  name = `user-${lastUser}`;
  await world.gateway.get(badge(name));
  world.kigo.clearRequests();
});
afterEach(() => world.kigo.clearFaults());
afterAll(() => world.close());

const refresh = (...names: string[]) =>
  world.gateway.post('/api/v1/unviewed-counts/refresh', { users: names.map(user) });
const routes = () => world.kigo.requests().map(({ route }) => route);
const count = async () => ((await (await world.gateway.get(badge(name))).json()) as { count: number }).count;
const setCount = (unviewed_products: number) => world.kigo.setAccount({ ...user(name), unviewed_products });

describe('POST /api/v1/unviewed-counts/refresh', () => {
  it('asks Kigo for each cached count once, without looking the account up, and counts a unit for each user', async () => {
    setCount(77);
    const response = await refresh(name, name);
    expect([response.status, await response.json()]).toEqual([202, { accepted: 1 }]);
    expect(response.headers.get('ratelimit')).toMatch(/;r=997;/);
    await waitFor('the new count is served', async () => (await count()) === 77);
    expect(routes()).toEqual(['summary']);
  });

  it('asks at once, and at the end of the 5 s once more for all calls within them', async () => {
    await refresh(name);
    await waitFor('Kigo is asked', () => routes().length === 1);
    setCount(78);
    await Promise.all(Array.from({ length: 20 }, () => refresh(name)));
    await waitFor('the new count is served', async () => (await count()) === 78);
    const [first, second, ...others] = world.kigo.requests('summary');
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(5_000);
    expect(others).toEqual([]);
  });

  it('keeps the cached count when Kigo fails', async () => {
    world.kigo.addFault({ kind: 'status', status: 403, route: 'summary' });
    const before = await count();
    expect((await refresh(name)).status).toBe(202);
    await waitFor('the failure is logged', () =>
      world.gateway.log.some(({ msg }) => msg === 'count refresh failed'),
    );
    expect(await count()).toBe(before);
    expect((await world.gateway.get(badge(name))).headers.get('cache-status')).toBe('rewards-gateway; hit');
  });

  it('looks up a user who had no account', async () => {
    name = 'late-user';
    world.kigo.configure({ unknownUser: 'not-found' });
    expect((await world.gateway.get(badge(name))).status).toBe(404);
    setCount(3);
    await refresh(name);
    await waitFor('the account is found', async () => (await count()) === 3);
    expect(routes()).toEqual(['lookup', 'lookup', 'summary']);
  });

  it('rejects what the batch route rejects', async () => {
    for (const users of [[], Array.from({ length: 101 }, () => user('a')), [{ external_user_id: 'a' }]])
      expect((await world.gateway.post('/api/v1/unviewed-counts/refresh', { users })).status).toBe(400);
  });

  it('has no more calls to Kigo in flight than batches may have', async () => {
    world.kigo.addFault({ kind: 'hang', route: 'lookup' });
    await refresh(...Array.from({ length: 100 }, (_, index) => `waiting-${index}`));
    await waitFor('16 calls are in flight', () => routes().length === 16);
    expect(await count()).toBeGreaterThanOrEqual(0);
    expect(routes()).toHaveLength(16);
  });
});
