import { badge } from '../support/gateway.js';
import { describeWithRedis, startRedis } from '../support/redis.js';
import type { RedisServer } from '../support/redis.js';
import { startRedisSentinel } from '../support/redis-sentinel.js';
import type { RedisSentinel } from '../support/redis-sentinel.js';
import { RedisWorld, untilRedisIsUp } from '../support/redis-world.js';
import { waitFor } from '../support/wait-for.js';

describeWithRedis('a gateway behind Redis Sentinels', () => {
  let world: RedisWorld;
  let replica: RedisServer;
  let sentinel: RedisSentinel;

  beforeEach(async () => {
    world = await RedisWorld.create({ direct: true });
    await world.redis.start();
    replica = await startRedis('--replicaof', '127.0.0.1', String(world.redis.port));
    // With a replica that is up to date, there is one to promote as soon as the Sentinel has asked the master.
    await waitFor('the replica is in step', async () =>
      String(await replica.command('INFO', 'replication')).includes('master_link_status:up'),
    );
    sentinel = await startRedisSentinel('rewards', world.redis.port);
  });

  afterEach(async () => {
    await world.close();
    await sentinel.close();
    await replica.close();
  });

  const env = (name: string) => ({
    REDIS_URL: `redis://${name}`,
    // Nobody listens at the second one.
    REDIS_SENTINELS: `${sentinel.url},redis://127.0.0.1:9`,
    ALLOW_INSECURE_STORES: 'true',
  });

  it('uses the master, and after a failover the one that takes its place', async () => {
    const gateway = await world.sharingGateway(env('rewards'));
    await world.retryOnTimeout(async (user) => {
      expect((await gateway.get(badge(user))).status).toBe(200);
      await world.stored(':hub-summary:');
    });
    await sentinel.failOver();
    await world.redis.kill();
    await replica.command('FLUSHALL');
    await untilRedisIsUp(gateway);
    await world.retryOnTimeout(async (user) => {
      expect((await gateway.get(badge(user))).status).toBe(200);
      await waitFor(
        'an entry is in the new master',
        async () => (await replica.dump()).some(([key]) => key.includes(':hub-summary:')),
        5,
      );
    });
  });

  it('works without Redis, and logs it once, while no Sentinel knows the name', async () => {
    const gateway = await world.gateway(env('unknown'));
    await waitFor('it is logged', () => world.reports().length > 0);
    expect((await gateway.get(badge())).status).toBe(200);
    expect(world.reports()).toEqual([['Redis unavailable; using local cache', 'NOMASTER']]);
  });
});
