import { mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { AccountsService } from '../../src/accounts/accounts.service.js';
import { RedisStore } from '../../src/cache/redis-store.js';
import { KigoHttp } from '../../src/kigo-auth/kigo-http.js';
import { badge } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { scrapeMetrics } from '../support/metrics.js';
import { describeWithRedis } from '../support/redis.js';
import { RedisWorld, untilRedisIsUp } from '../support/redis-world.js';
import { waitFor } from '../support/wait-for.js';

const idsOf = (user: string) => ({ external_user_id: user, external_program_id: 'program456' });

/** The value of a counter of the cache, over these gateways. */
async function counted(series: string, ...gateways: readonly Gateway[]): Promise<number> {
  const pages = await Promise.all(gateways.map((gateway) => scrapeMetrics(gateway)));
  return pages.reduce((sum, page) => sum + (page[`rewards_gateway_cache_${series}`] ?? 0), 0);
}

describeWithRedis('three gateways that share a Redis', () => {
  let world: RedisWorld;
  let gateways: readonly [Gateway, Gateway, Gateway];

  beforeAll(async () => {
    world = await RedisWorld.create({ direct: true });
    await world.redis.start();
    // A busy machine may take seconds for many calls at once, and a retry would count as a second call.
    const gateway = () => world.sharingGateway({ KIGO_TIMEOUT_MS: '10000' });
    gateways = [await gateway(), await gateway(), await gateway()];
    await world.retryOnTimeout(async (user) => void (await askAll(user, 3)));
  });
  afterEach(() => mock.restoreAll());
  afterAll(() => world.close());

  const calls = (route: 'login' | 'lookup' | 'summary') => world.kigo.requests(route).length;

  /** A trial that starts with nothing in flight and no request seen. */
  const trial = (work: (user: string) => Promise<void>) =>
    world.retryOnTimeout(async (user) => {
      world.kigo.clearFaults();
      world.kigo.clearRequests();
      world.kigo.configure({ unknownUser: 'create' });
      await work(user);
    });

  /** Sends requests for one user to the gateways in turn. @returns each status and body that there was */
  async function askAll(user: string, requests: number): Promise<string[]> {
    const answers = await Promise.all(
      Array.from({ length: requests }, async (_, index) => {
        const response = await gateways[index % 3]!.get(badge(user));
        const { count, type } = (await response.json()) as { count?: number; type?: string };
        return `${response.status} ${count ?? type}`;
      }),
    );
    return [...new Set(answers)];
  }

  it('ask Kigo once for a user whom 300 requests ask for at the same time', async () => {
    await trial(async (user) => {
      world.kigo.addFault({ kind: 'slow', delayMs: 500 });
      expect(await askAll(user, 300)).toEqual(['200 0']);
      expect([calls('login'), calls('lookup'), calls('summary')]).toEqual([0, 1, 1]);
      expect(
        await counted('lease_waits_total{cache="hub-summary",outcome="entry"}', ...gateways),
      ).toBeGreaterThan(0);
      const held = 'fetches_total{cache="hub-summary",reason="miss",lease="held"}';
      await waitFor('the call is counted', async () => (await counted(held, ...gateways)) > 1, 5);
    });
  });

  it('ask once for a user without an account', async () => {
    await trial(async (user) => {
      world.kigo.configure({ unknownUser: 'not-found' });
      // Longer than a lease that is not renewed.
      world.kigo.addFault({ kind: 'slow', delayMs: 2_000 });
      const commands = gateways.map(({ app }) => mock.method(app.get(RedisStore), 'evaluate').mock);
      expect(await askAll(user, 6)).toEqual(['404 urn:rewards-gateway:problem:account-not-found']);
      expect(calls('lookup')).toBe(1);
      // In the second second, two replicas look for it five times each, and not thirty times.
      const count = commands.reduce((sum, command) => sum + command.callCount(), 0);
      expect(count).toBeLessThan(95);
    });
  });

  it('share the failure of the one call, and the next request asks again', async () => {
    await trial(async (user) => {
      world.kigo.configure({ unknownUser: 'null-id' });
      world.kigo.addFault({ kind: 'slow', delayMs: 500, times: 1 });
      expect(await askAll(user, 6)).toEqual(['502 urn:rewards-gateway:problem:upstream-failed']);
      expect(calls('lookup')).toBe(1);
      world.kigo.configure({ unknownUser: 'create' });
      expect(await askAll(user, 1)).toEqual(['200 0']);
      expect(calls('lookup')).toBe(2);
    });
  });

  it('ask again when the one call could not connect', async () => {
    const [first, second, { log }] = gateways;
    const waits = 'lease_waits_total{cache="account",outcome="acquired"}';
    const http = first.app.get<unknown>(KigoHttp, { strict: false }) as { dispatcher: Pool };
    const { dispatcher } = http;
    http.dispatcher = new Pool('http://127.0.0.1:1');
    // The longest backoff.
    mock.method(Math, 'random', () => 0);
    try {
      await trial(async (user) => {
        log.length = 0;
        const before = await counted(waits, second);
        const failed = first.get(badge(user));
        await waitFor('it tries', () => log.some(({ msg }) => msg === 'retrying upstream call'));
        expect((await second.get(badge(user))).status).toBe(200);
        expect((await failed).status).toBe(502);
        expect(calls('lookup')).toBe(1);
        expect(await counted(waits, second)).toBe(before + 1);
      });
    } finally {
      await http.dispatcher.destroy();
      http.dispatcher = dispatcher;
    }
  });

  it('do not wait with no-cache for an earlier call, whose late response replaces nothing', async () => {
    const [first, second, third] = gateways;
    const lost = 'fetches_total{cache="hub-summary",reason="miss",lease="lost"}';
    await trial(async (user) => {
      const before = await counted(lost, first);
      // Its response is what holds now.
      world.kigo.addFault({ kind: 'slow', route: 'summary', delayMs: 700, times: 1 });
      const early = first.get(badge(user));
      await waitFor('Kigo has the first call', () => calls('summary') === 1);
      world.kigo.setAccount({ ...idsOf(user), unviewed_products: 77 });
      const late = early.then((response) => response.json());
      const anew = await second.get(badge(user), { 'cache-control': 'no-cache' });
      expect(await anew.json()).toEqual({ count: 77 });
      expect(await Promise.race([late, Promise.resolve('not yet')])).toBe('not yet');

      expect(await late).toEqual({ count: 0 });
      await waitFor('the first call is counted', async () => (await counted(lost, first)) === before + 1, 5);
      expect(await (await third.get(badge(user))).json()).toEqual({ count: 77 });
      expect(await (await first.get(badge(user))).json()).toEqual({ count: 77 });
      expect(calls('summary')).toBe(2);
    });
  });

  it('keep what no-cache got, although another one has taken its lease and failed', async () => {
    const [first, second, third] = gateways;
    const noCache = { 'cache-control': 'no-cache' };
    await trial(async (user) => {
      expect(await askAll(user, 1)).toEqual(['200 0']);
      world.kigo.setAccount({ ...idsOf(user), unviewed_products: 77 });
      world.kigo.addFault({ kind: 'slow', route: 'summary', delayMs: 500, times: 1 });
      // The entry in Redis has to be older by more than a command takes.
      await sleep(50);
      const anew = second.get(badge(user), noCache);
      await waitFor('Kigo has its call', () => calls('summary') === 2);
      world.kigo.addFault({ kind: 'status', status: 400, route: 'summary', times: 1 });
      expect((await first.get(badge(user), noCache)).status).toBe(502);
      const lost = 'fetches_total{cache="hub-summary",reason="bypass",lease="lost"}';
      const before = await counted(lost, second);
      expect(await (await anew).json()).toEqual({ count: 77 });
      await waitFor('it is counted', async () => (await counted(lost, second)) === before + 1, 5);
      expect(await (await third.get(badge(user))).json()).toEqual({ count: 77 });
    });
  });

  const leaseOf = (user: string) =>
    `rewards-gateway:lease:{${gateways[0].app.get(AccountsService, { strict: false }).cacheKey(idsOf(user))}}`;

  it.each<[string, (key: string) => string[]]>([
    ['that never ends', (key) => ['SET', key, 'x']],
    ['that lasts too long', (key) => ['SET', key, 'x', 'PX', '3600000']],
  ])('do not wait for a lease %s', async (_, command) => {
    await trial(async (user) => {
      const waits = ['acquired', 'overdue', 'unavailable'].map(
        (outcome) => `lease_waits_total{cache="account",outcome="${outcome}"}`,
      );
      const count = async () => Promise.all(waits.map((series) => counted(series, gateways[0])));
      const before = await count();
      await world.redis.command(...command(leaseOf(user)));
      expect(await askAll(user, 1)).toEqual(['200 0']);
      expect(await count()).toEqual(before);
    });
  });

  it('wait for a lease no longer than for Kigo', async () => {
    const hasty = await world.sharingGateway({ UPSTREAM_DEADLINE_MS: '500' });
    await trial(async (user) => {
      const overdue = 'lease_waits_total{cache="account",outcome="overdue"}';
      const before = await counted(overdue, hasty);
      await world.redis.command('SET', leaseOf(user), 'x', 'PX', '1000');
      expect((await hasty.get(badge(user))).status).toBe(200);
      expect(await counted(overdue, hasty)).toBe(before + 1);
    });
  });

  it('each ask when Redis is lost while they wait', async () => {
    await trial(async (user) => {
      world.kigo.addFault({ kind: 'slow', route: 'lookup', delayMs: 500, times: 1 });
      const answers = askAll(user, 3);
      await waitFor('Kigo has the first call', () => calls('lookup') === 1);
      await world.redis.kill();
      try {
        expect(await answers).toEqual(['200 0']);
        expect(calls('lookup')).toBe(3);
      } finally {
        await world.redis.start();
        await untilRedisIsUp(...gateways);
      }
    });
  });
});
