import { scrapeMetrics } from '../support/metrics.js';
import { describeWithRedis } from '../support/redis.js';
import { RedisWorld } from '../support/redis-world.js';
import { waitFor } from '../support/wait-for.js';

describeWithRedis('metrics of Redis', () => {
  it('export redis_up as 1 while Redis is available, and as 0 while it is not', async () => {
    const world = await RedisWorld.create();
    const gateway = await world.gateway();
    const redisUp = async () => (await scrapeMetrics(gateway))['rewards_gateway_redis_up'];
    try {
      expect(await redisUp()).toBe(0);
      await world.redis.start();
      await waitFor('Redis is available', async () => (await redisUp()) === 1);
      await world.redis.kill();
      await waitFor('Redis is unavailable', async () => (await redisUp()) === 0);
    } finally {
      await world.close();
    }
  });
});
