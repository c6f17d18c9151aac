import { mock } from 'node:test';
import { Pool } from 'undici';
import { redisScope } from '../../src/cache/redis-scope.js';
import { RedisStore } from '../../src/cache/redis-store.js';
import { Config } from '../../src/config/config.js';
import { KigoHttp } from '../../src/kigo-auth/kigo-http.js';
import { badge } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { describeWithRedis } from '../support/redis.js';
import { RedisWorld, untilRedisIsDown } from '../support/redis-world.js';
import { waitFor } from '../support/wait-for.js';

let world: RedisWorld;
let users = 0;

function keyOf({ app }: Gateway, kind: 'retry-budget' | 'retry-after', subject: string): string {
  return `rewards-gateway:${kind}:${redisScope(app.get(Config, { strict: false }))}:kigo${subject}`;
}

/** Asks for a new user, whose first summary fails. @returns whether it was retried */
async function retries(gateway: Gateway): Promise<boolean> {
  users += 1;
  const ids = { external_user_id: `user-${users}`, external_program_id: 'program456' };
  const account = String(world.kigo.setAccount(ids).account_id);
  world.kigo.addFault({ kind: 'status', status: 500, route: 'summary', account, times: 1 });
  const { status } = await gateway.get(badge(ids.external_user_id));
  // 503: the circuit breaker is open, since too many were not retried.
  expect([200, 502, 503]).toContain(status);
  return status === 200;
}

/** Asks the gateways in turn, ten at a time, until they refuse to retry. @returns how many calls were retried */
async function useUp(...gateways: Gateway[]): Promise<number> {
  for (let count = 0; ;) {
    const wave = Array.from({ length: 10 }, (_, index) => retries(gateways[index % gateways.length]!));
    const retried = (await Promise.all(wave)).filter(Boolean).length;
    count += retried;
    if (retried < wave.length) return count;
  }
}

/** Asks for 100 new users: 200 calls to Kigo. */
async function succeed(gateway: Gateway): Promise<void> {
  const ids = Array.from({ length: 100 }, () => {
    users += 1;
    return { external_user_id: `user-${users}`, external_program_id: 'program456' };
  });
  expect((await gateway.post('/api/v1/unviewed-counts', { users: ids })).status).toBe(200);
}

/** Asks for the account of a new user. */
function getAccount(gateway: Gateway): Promise<Response> {
  users += 1;
  return gateway.get(`/api/v1/accounts?external_user_id=user-${users}&external_program_id=program456`);
}

async function untilBreakerIs(state: string, operation: string, ...gateways: Gateway[]): Promise<void> {
  for (const { url } of gateways)
    await waitFor(`${operation} is ${state}`, async () => {
      const report = (await (await fetch(`${url}/health/dependencies`)).json()) as {
        checks: { kigo: { operations: Record<string, { breaker: string }> } };
      };
      return report.checks.kigo.operations[operation]!.breaker === state;
    });
}

describeWithRedis('the retry budget of several replicas', () => {
  beforeEach(async () => {
    world = await RedisWorld.create({ direct: true });
    await world.redis.start();
  });
  afterEach(() => world.close());

  it('is one for all of them', async () => {
    await world.retryOnTimeout(async () => {
      await world.redis.command('FLUSHALL');
      world.kigo.clearRequests();
      const gateways = [
        await world.sharingGateway(),
        await world.sharingGateway(),
        await world.sharingGateway(),
      ];
      const count = await useUp(...gateways);
      const successes = world.kigo.requests().length - count;
      expect(count).toBeGreaterThanOrEqual(20);
      expect(count).toBeLessThanOrEqual(20 + successes / 10);
    });
  });

  it('grows with the successful calls of each of them', async () => {
    await world.retryOnTimeout(async () => {
      await world.redis.command('FLUSHALL');
      const [first, second] = [await world.sharingGateway(), await world.sharingGateway()];
      await succeed(first);
      await waitFor(
        'they are counted',
        async () => (await world.redis.command('GET', keyOf(first, 'retry-budget', ''))) === '200',
      );
      expect(await useUp(second)).toBeGreaterThanOrEqual(40);
    });
  });

  it('costs one command to Redis for 50 successful calls', async () => {
    const gateway = await world.sharingGateway();
    const store = gateway.app.get(RedisStore);
    const commands = [mock.method(store, 'add').mock, mock.method(store, 'addAndTake').mock];
    for (let batch = 0; batch < 3; batch += 1) await succeed(gateway);
    const calls = world.kigo.requests().length;
    expect(calls).toBeGreaterThanOrEqual(600);
    const count = commands.reduce((sum, command) => sum + command.callCount(), 0);
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThanOrEqual(calls / 50);
  });

  it('is not used up by a replica that cannot connect', async () => {
    await world.retryOnTimeout(async () => {
      await world.redis.command('FLUSHALL');
      const [broken, sound] = [await world.sharingGateway(), await world.sharingGateway()];
      const http = broken.app.get<unknown>(KigoHttp, { strict: false }) as { dispatcher: Pool };
      await getAccount(broken);
      await http.dispatcher.destroy();
      http.dispatcher = new Pool('http://127.0.0.1:1');
      world.kigo.clearRequests();
      // All at once, before the circuit breaker opens.
      const { axiosRef } = broken.app.get(KigoHttp, { strict: false });
      const calls = Array.from({ length: 30 }, () => axiosRef.get('/', { operation: 'lookup' }));
      await Promise.allSettled(calls);
      expect(world.kigo.requests()).toEqual([]);
      expect(await world.redis.command('EXISTS', keyOf(broken, 'retry-budget', ''))).toBe(0);
      expect(await useUp(sound)).toBeGreaterThanOrEqual(20);
    });
  });

  it.each<[string, () => unknown]>([
    ['gone', () => world.redis.kill()],
    ['silent', () => world.redis.pause()],
  ])('is one for each of them while Redis is %s', async (_, stop) => {
    const gateways = [await world.sharingGateway(), await world.sharingGateway()];
    await stop();
    await untilRedisIsDown(...gateways);
    for (const gateway of gateways) {
      const count = await useUp(gateway);
      expect(count).toBeGreaterThanOrEqual(20);
      expect(count).toBeLessThanOrEqual(27);
    }
    world.redis.resume();
  });
});

describeWithRedis('a Retry-After', () => {
  beforeEach(async () => {
    world = await RedisWorld.create({ direct: true });
    await world.redis.start();
  });
  afterEach(() => world.close());

  it.each([
    ['60', 60],
    ['9999999999', 120],
  ])(
    'of %s s that comes twice in a row holds for every replica, also for a new one, for %d s',
    async (retryAfter, seconds) => {
      const [first, second] = [await world.sharingGateway(), await world.sharingGateway()];
      world.kigo.addFault({ kind: 'rate-limited', retryAfter, route: 'lookup', times: 2 });
      for (const gateway of [first, first]) expect((await getAccount(gateway)).status).toBe(503);
      const third = await world.sharingGateway();
      await untilBreakerIs('open', 'lookup', second, third);
      for (const gateway of [first, second, third]) {
        const response = await getAccount(gateway);
        expect(response.status).toBe(503);
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(seconds - 30);
        expect(Number(response.headers.get('retry-after'))).toBeLessThanOrEqual(seconds * 1.1);
        // Another operation.
        expect((await gateway.get('/api/v1/accounts/unknown/hub-summary')).status).toBe(404);
      }
      expect(world.kigo.requests('lookup')).toHaveLength(2);
    },
  );

  it('ends, and one that nobody could have asked for does not hold', async () => {
    const gateway = await world.sharingGateway();
    await world.redis.command('SET', keyOf(gateway, 'retry-after', ':lookup'), '1', 'PX', '3600000');
    await world.redis.command('SET', keyOf(gateway, 'retry-after', ':login'), '1');
    await world.redis.command('SET', keyOf(gateway, 'retry-after', ':hub-summary'), '1', 'PX', '1500');
    await untilBreakerIs('open', 'hub-summary', gateway);
    expect((await getAccount(gateway)).status).toBe(200);
    await untilBreakerIs('closed', 'hub-summary', gateway);
    expect((await gateway.get('/api/v1/accounts/unknown/hub-summary')).status).toBe(404);
  });
});
