import { badge, credentials } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import { scrapeMetrics } from '../support/metrics.js';
import { describeWithRedis } from '../support/redis.js';
import { RedisWorld } from '../support/redis-world.js';
import { waitFor } from '../support/wait-for.js';

const lost = 'rewards_gateway_cache_fetches_total{cache="hub-summary",reason="miss",lease="lost"}';

describeWithRedis('a gateway that waits for the call of another to Kigo', () => {
  let world: RedisWorld;

  beforeEach(async () => {
    world = await RedisWorld.create({ direct: true });
    await world.redis.start();
  });
  afterEach(() => world.close());

  it.each([
    ['killed', 'SIGKILL', undefined],
    ['paused', 'SIGSTOP', { count: 0 }],
  ] as const)(
    'asks Kigo itself when the other is %s, and what it stores is not replaced by a late response',
    async (_, signal, late) => {
      const { kigo, redis } = world;
      const [waiting, third] = [await world.sharingGateway(), await world.sharingGateway()];
      await world.retryOnTimeout(async (user) => {
        await using holder = startProcess({ KIGO_BASE_URL: kigo.url, REDIS_URL: redis.url });
        const url = await holder.url();
        const metrics = () => scrapeMetrics({ url });
        await waitFor('it uses Redis', async () => (await metrics())['rewards_gateway_redis_up'] === 1);
        kigo.clearRequests();
        kigo.clearFaults();
        // Its response is what holds now.
        kigo.addFault({ kind: 'slow', route: 'summary', delayMs: 2_000, times: 1 });
        const held = fetch(url + badge(user), { headers: credentials }).catch(() => undefined);
        await waitFor('Kigo has its call', () => kigo.requests('summary').length === 1);
        kigo.setAccount({ external_user_id: user, external_program_id: 'program456', unviewed_products: 77 });
        const asked = waiting.get(badge(user));
        holder.signal(signal);
        const response = await asked;
        expect([response.status, await response.json()]).toEqual([200, { count: 77 }]);
        expect([kigo.requests('lookup').length, kigo.requests('summary').length]).toEqual([1, 2]);

        holder.signal('SIGCONT');
        expect(await (await held)?.json()).toEqual(late);
        if (late) await waitFor('it has lost its lease', async () => (await metrics())[lost] === 1);
        expect(await (await third.get(badge(user))).json()).toEqual({ count: 77 });
        expect(kigo.requests('summary')).toHaveLength(2);
      });
    },
  );
});
