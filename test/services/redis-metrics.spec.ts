import { scrapeMetrics } from '../support/metrics.js';
import { describeWithRedis } from '../support/redis.js';
import { RedisWorld } from '../support/redis-world.js';
import { until } from '../support/wait-for.js';

describeWithRedis('the metrics of Redis', () => {
  it('show that it is put aside, and that it is used again', async () => {
    const world = await RedisWorld.create();
    const gateway = await world.gateway();
    const redisUp = async () => (await scrapeMetrics(gateway))['rewards_gateway_redis_up'];
    try {
      expect(await redisUp()).toBe(0);
      await world.redis.start();
      await until('it is used', async () => (await redisUp()) === 1);
      await world.redis.kill();
      await until('it is put aside', async () => (await redisUp()) === 0);
    } finally {
      await world.close();
    }
  });
});
