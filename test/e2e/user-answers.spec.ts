import { badge, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { findSeries, scrapeMetrics } from '../support/metrics.js';

let world: World;

beforeAll(async () => {
  world = await startWorld();
});
afterEach(() => world.kigo.clearFaults());
afterAll(() => world.close());

const user = (id: string) => ({ external_user_id: id, external_program_id: 'program456' });
const answers = async () =>
  findSeries(await scrapeMetrics(world.gateway), 'rewards_gateway_user_answers_total');

/** The answers that this work adds, by operation and outcome. */
async function added(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await answers();
  await work();
  const grown = Object.entries(await answers()).map(
    ([labels, count]) => [labels, count - before[labels]!] as const,
  );
  return Object.fromEntries(grown.filter(([, count]) => count > 0));
}

describe('answers to users', () => {
  it('are counted by outcome, single and batch alike', async () => {
    const good = 'user123';
    expect(
      await added(async () => {
        await world.gateway.get(badge(good));
        await world.gateway.get(badge('nobody'));
        await world.gateway.get(badge('nobody').replace('/api/user/unviewed-count', '/api/v1/accounts'));
        await world.gateway.get('/api/v1/accounts/none/hub-summary');
        await world.gateway.post('/api/v1/unviewed-counts', {
          users: [user(good), user('nobody'), user('no-one')],
        });
      }),
    ).toEqual({
      '{operation="unviewed-count",outcome="ok"}': 1,
      '{operation="unviewed-count",outcome="not_found"}': 1,
      '{operation="account",outcome="not_found"}': 1,
      '{operation="hub-summary",outcome="not_found"}': 1,
      '{operation="unviewed-counts",outcome="ok"}': 1,
      '{operation="unviewed-counts",outcome="not_found"}': 2,
    });
  });

  it('show that Kigo fails for everybody in a batch, which is 200 all the same', async () => {
    world.kigo.addFault({ kind: 'status', status: 403, route: 'lookup' });
    const users = Array.from({ length: 10 }, (_, index) => user(`failed-${index}`));
    const counts = await added(async () => {
      expect((await world.gateway.post('/api/v1/unviewed-counts', { users })).status).toBe(200);
    });
    expect(counts).toEqual({ '{operation="unviewed-counts",outcome="upstream_failed"}': 10 });
  });
});
