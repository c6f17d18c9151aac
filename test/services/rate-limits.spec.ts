import { badge } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { describeWithRedis } from '../support/redis.js';
import { RedisWorld, putAside } from '../support/redis-world.js';

const counterOf = (key: string) => `rewards-gateway:rate:caller:caller-${key.slice(4)}`;

describeWithRedis('the rate limit of several replicas', () => {
  let world: RedisWorld;
  let callers = 0;

  beforeEach(async () => {
    world = await RedisWorld.create();
    await world.redis.start();
  });

  afterEach(() => world.close());

  const replica = (limit: number) =>
    world.sharingGateway({
      RATE_LIMIT_PER_MINUTE: String(limit),
      // A caller for each trial.
      API_KEYS: Array.from({ length: 10 }, (_, index) => `caller-${index}:key-${index}`).join(','),
    });
  const nextKey = () => `key-${(callers += 1) % 10}`;

  /** As if others had taken so many already: that all of them be taken in time is a lot to ask of a busy machine. */
  async function keyWith(taken: number): Promise<string> {
    const key = nextKey();
    await world.redis.command('SET', counterOf(key), String(taken), 'PX', '60000');
    return key;
  }

  /** How many of so many calls are answered, in turns by each replica. */
  async function answered(gateways: Gateway[], calls: number, key = nextKey()): Promise<number> {
    const statuses = await Promise.all(
      Array.from({ length: calls }, async (_, index) => {
        const gateway = gateways[index % gateways.length]!;
        return (await gateway.get(badge(), { authorization: `Bearer ${key}` })).status;
      }),
    );
    return statuses.filter((status) => status === 200).length;
  }

  it('is one for all of them', async () => {
    const gateways = [await replica(30), await replica(30)];
    await world.unlessLate(async () => {
      expect(await answered(gateways, 40, await keyWith(20))).toBe(10);
    });
  });

  it('is never exceeded, and falls short by a hundredth for each further replica at the most', async () => {
    const gateways = [await replica(500), await replica(500), await replica(500)];
    await world.unlessLate(async () => {
      const count = await answered(gateways, 300, await keyWith(400));
      expect(count).toBeLessThanOrEqual(100);
      expect(count).toBeGreaterThanOrEqual(90);
    });
  });

  it('ends with its minute also where Redis is told no end', async () => {
    const gateway = await replica(30);
    const key = nextKey();
    await world.redis.command('SET', counterOf(key), '7');
    await world.unlessLate(async () => {
      await answered([gateway], 1, key);
      const ttl = await world.redis.command('PTTL', counterOf(key));
      expect(Number(ttl)).toBeGreaterThan(0);
      expect(Number(ttl)).toBeLessThanOrEqual(60_000);
    });
  });

  it('is each one’s own while Redis is away, and no call waits for Redis', async () => {
    const gateways = [await replica(30), await replica(30)];
    world.proxy.blackHole = true;
    await putAside(...gateways);
    expect(await answered(gateways, 100)).toBe(60);
    world.proxy.blackHole = false;
  });

  it('goes on from where it was when Redis goes away in the middle of a minute', async () => {
    const gateway = await replica(30);
    const key = nextKey();
    await world.unlessLate(async () => {
      expect(await answered([gateway], 20, key)).toBeGreaterThan(0);
    });
    await world.redis.kill();
    await putAside(gateway);
    expect(await answered([gateway], 20, key)).toBe(10);
  });
});
