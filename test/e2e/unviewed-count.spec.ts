import { badge, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { scale } from '../support/scale.js';

describe('GET /api/user/unviewed-count', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld();
  });

  afterEach(() => world.close());

  it('returns the count with one login, one lookup and one summary', async () => {
    const { kigo, gateway } = world;
    const response = await gateway.get(badge());

    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ count: 12 });
    expect(kigo.requests().map(({ method, route, status }) => [method, route, status])).toEqual([
      ['POST', 'login', 200],
      ['GET', 'lookup', 200],
      ['GET', 'summary', 200],
    ]);
  });

  it('causes one login, one lookup and one summary for 20 concurrent callers, and no further call within the TTL', async () => {
    const { kigo, gateway } = world;
    const cold = await Promise.all(Array.from({ length: 20 }, () => gateway.get(badge())));
    for (const response of cold) expect(await response.json()).toEqual({ count: 12 });
    for (let round = 0; round < scale(1, 100); round += 1) {
      const warm = await Promise.all(Array.from({ length: 100 }, () => gateway.get(badge())));
      expect(new Set(warm.map(({ status }) => status))).toEqual(new Set([200]));
      await Promise.all(warm.map((response) => response.arrayBuffer()));
    }

    expect(kigo.requests().map(({ route }) => route)).toEqual(['login', 'lookup', 'summary']);
  });
});
