import { mock } from 'node:test';
import { redisScope } from '../../src/cache/redis-scope.js';
import { RedisStore } from '../../src/cache/redis-store.js';
import { Config } from '../../src/config/config.js';
import { read } from '../support/config.js';
import { badge } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { describeWithRedis } from '../support/redis.js';
import { RedisWorld, untilRedisIsUp, untilRedisIsDown } from '../support/redis-world.js';
import { waitFor } from '../support/wait-for.js';

const apiKey = 'key-of-the-caller';
const counter = ({ app }: Gateway) =>
  `rewards-gateway:rate:${redisScope(app.get(Config, { strict: false }))}:caller:caller`;

/** Sends calls to the replicas in turn. @returns how many were allowed */
async function answered(calls: number, ...gateways: Gateway[]): Promise<number> {
  const statuses = await Promise.all(
    Array.from({ length: calls }, async (_, index) => {
      const gateway = gateways[index % gateways.length]!;
      return (await gateway.get(badge(), { authorization: `Bearer ${apiKey}` })).status;
    }),
  );
  return statuses.filter((status) => status === 200).length;
}

/**
 * On a busy machine a reply of Redis may be late. For each missed reply, a replica allows up to a hundredth of the limit more, and
 * no call fewer. These tests count the missed replies: without any, the lower and upper bounds are equal.
 */
describeWithRedis('rate limit of several replicas', () => {
  let world: RedisWorld;
  /** The results of the replicas' reservations. */
  let replies: Promise<unknown>[];

  beforeEach(async () => {
    world = await RedisWorld.create();
    await world.redis.start();
    replies = [];
  });

  afterEach(() => world.close());

  /** Connects to Redis directly by default: the proxy runs in the same event loop and would delay replies. */
  async function replica(limit: number, redisUrl = world.redis.url): Promise<Gateway> {
    const gateway = await world.sharingGateway({
      RATE_LIMIT_PER_MINUTE: String(limit),
      API_KEYS: `caller:${apiKey}`,
      REDIS_URL: redisUrl,
    });
    const counters = gateway.app.get(RedisStore);
    const add = counters.add.bind(counters);
    mock.method(counters, 'add', (...args: Parameters<typeof add>) => {
      const reply = add(...args);
      replies.push(reply);
      return reply;
    });
    return gateway;
  }

  async function missedReplies(): Promise<number> {
    return (await Promise.all(replies)).filter((reply) => reply === undefined).length;
  }

  /** Simulates calls that other replicas have reserved. */
  async function take(gateway: Gateway, calls: number, leftMs = 60_000): Promise<void> {
    await world.redis.command('SET', counter(gateway), String(calls), 'PX', String(leftMs));
  }

  it('is shared by all replicas', async () => {
    const count = await answered(40, await replica(30), await replica(30));
    expect(count).toBeGreaterThanOrEqual(30);
    expect(count).toBeLessThanOrEqual(30 + (await missedReplies()));
  });

  it('is used up but not exceeded when replicas reserve several calls at a time', async () => {
    const gateways = [await replica(500), await replica(500), await replica(500)];
    await take(gateways[0]!, 400);
    const count = await answered(300, ...gateways);
    expect(count).toBeGreaterThanOrEqual(100);
    expect(count).toBeLessThanOrEqual(100 + 5 * (await missedReplies()));
  });

  it('is reduced by calls that a replica reserved and does not use', async () => {
    const [first, second, third] = [await replica(500), await replica(500), await replica(500)];
    await take(first, 400);
    const count = (await answered(1, first)) + (await answered(1, second)) + (await answered(120, third));
    expect(count).toBeGreaterThanOrEqual(92);
    expect(count).toBeLessThanOrEqual(92 + 5 * (await missedReplies()));
  });

  it('is corrected by a late reply of Redis', async () => {
    await take(await replica(500), 500);
    const { proxy } = world;
    let gateway: Gateway;
    let count = 0;
    await waitFor('a replica sends a command whose reply is late', async () => {
      proxy.delayMs = 0;
      gateway = await replica(500, proxy.url);
      proxy.delayMs = 200;
      count = await answered(1, gateway);
      return proxy.count(counter(gateway)) > 0;
    });
    await waitFor('a call is rejected', async () => {
      const more = await answered(1, gateway);
      count += more;
      return more === 0;
    });
    // A replica that only counted by itself while Redis is slow would allow 500.
    expect(count).toBeLessThan(500);
  });

  it('is not shared by environments with another Kigo, partner or database', async () => {
    const environments = [
      {},
      { KIGO_PARTNER_ID: 'another-partner' },
      { KIGO_BASE_URL: 'http://127.0.0.1:8' },
      { DATABASE_URL: 'postgres://user:pass@127.0.0.1:1/another' },
    ];
    const scopes = environments.map((env) => redisScope(read(env)));
    expect(new Set(scopes).size).toBe(environments.length);
    // The same database, with other credentials and options.
    const rotated = read({ DATABASE_URL: 'postgres://user:next@127.0.0.1:1/another?sslmode=disable' });
    expect(redisScope(rotated)).toBe(scopes[3]);
    await world.retryOnTimeout(async () => {
      await world.redis.command('FLUSHALL');
      const gateway = await replica(30);
      await answered(1, gateway);
      const keys = (await world.redis.dump()).map(([key]) => key).filter((key) => key.includes(':rate:'));
      expect(keys).toEqual([counter(gateway)]);
    });
  });

  it('blocks for no longer than a window, whatever the expiry of the counter', async () => {
    await world.retryOnTimeout(async () => {
      const gateway = await replica(30);
      await untilRedisIsUp(gateway);
      await take(gateway, 1_000, 10 * 3_600_000);
      const blocked = await gateway.get(badge(), { authorization: `Bearer ${apiKey}` });
      expect(blocked.status).toBe(429);
      expect(Number(blocked.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    });
  });

  it('sets an expiry on a counter that has none', async () => {
    const gateway = await replica(199);
    await world.redis.command('SET', counter(gateway), '7');
    let ttl = -1;
    await waitFor('the counter has an expiry', async () => {
      await untilRedisIsUp(gateway);
      await answered(1, gateway);
      ttl = Number(await world.redis.command('PTTL', counter(gateway)));
      return ttl !== -1;
    });
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(60_000);
  });

  it('is counted per replica while Redis does not reply', async () => {
    const gateways = [await replica(30, world.proxy.url), await replica(30, world.proxy.url)];
    world.proxy.blackHole = true;
    await untilRedisIsDown(...gateways);
    expect(await answered(100, ...gateways)).toBe(60);
    world.proxy.blackHole = false;
  });

  it('keeps its count when Redis becomes unavailable within a window', async () => {
    const gateway = await replica(30);
    expect(await answered(20, gateway)).toBe(20);
    const missed = await missedReplies();
    await world.redis.kill();
    await untilRedisIsDown(gateway);
    const count = await answered(20, gateway);
    expect(count).toBeGreaterThanOrEqual(10);
    expect(count).toBeLessThanOrEqual(10 + missed);
  });
});
