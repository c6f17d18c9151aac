import { startRedisProxy } from '../src/redis/start-redis-proxy.js';
import type { RedisProxy } from '../src/redis/start-redis-proxy.js';
import { describeWithRedis, onRedisClient, startRedis } from '../../test/support/redis.js';
import type { RedisServer } from '../../test/support/redis.js';

const CLOSED = /closed|ECONNRESET/;
const OPTIONS = { port: 0, host: '127.0.0.1', consoleOrigins: [] };

describeWithRedis('the proxy before a Redis', () => {
  let redis: RedisServer;
  let proxy: RedisProxy;

  beforeAll(async () => {
    redis = await startRedis();
    proxy = await startRedisProxy({ ...OPTIONS, redisUrl: `${redis.url}/1` });
  });
  afterAll(async () => {
    await proxy?.close();
    await redis?.close();
  });

  const control = (method: string) => fetch(`${proxy.url}/__sandbox/faults`, { method });
  const ping = () => onRedisClient(Number(new URL(proxy.redisUrl).port), (client) => client.ping());

  it('lets Redis fail, and recover', async () => {
    expect(new URL(proxy.redisUrl).pathname).toBe('/1');
    expect(await ping()).toBe('PONG');
    await onRedisClient(Number(new URL(proxy.redisUrl).port), async (client) => {
      expect(await client.ping()).toBe('PONG');
      await control('POST');
      await expect(client.ping()).rejects.toThrow(CLOSED);
    });
    await expect(ping()).rejects.toThrow(CLOSED);
    expect(await (await control('GET')).json()).toEqual({ faults: [{ kind: 'reset' }] });

    await control('DELETE');
    expect(await ping()).toBe('PONG');
    expect(await (await control('GET')).json()).toEqual({ faults: [] });
  });

  it('resets the connections of a Redis that is down', async () => {
    await redis.kill();
    await expect(ping()).rejects.toThrow(CLOSED);
    await redis.start();
    expect(await ping()).toBe('PONG');
  });
});

it('needs the address of a Redis without TLS', async () => {
  await expect(startRedisProxy({ ...OPTIONS, redisUrl: 'rediss://127.0.0.1' })).rejects.toThrow(
    'SANDBOX_REDIS_URL must begin with redis://.',
  );
});
