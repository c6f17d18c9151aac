import { TieredCache } from '../../src/cache/tiered-cache.js';
import type { FaultProxy } from '../support/fault-proxy.js';
import { badge } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { describeWithRedis } from '../support/redis.js';
import { RedisWorld, untilRedisIsUp, keyPart, untilRedisIsDown, redisState } from '../support/redis-world.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

const SOME = scale(10, 50);
const MANY = scale(20, 100);

/** How often an entry was read and, where there was none, its lease acquired. */
const claims = (proxy: FaultProxy) => proxy.countWords("return {'acquired'");

interface Fault {
  readonly fault: string;
  readonly begin: (world: RedisWorld) => unknown;
  readonly end: (world: RedisWorld) => unknown;
}

// A request that waited for a paused or unreachable Redis would never get a response, and the traffic would stop.
describeWithRedis('gateways during Redis outages', () => {
  let world: RedisWorld;

  beforeEach(async () => {
    world = await RedisWorld.create();
  });

  afterEach(() => world.close());

  it('start without Redis, log it once, and use Redis when it appears', async () => {
    const { redis, kigo } = world;
    const direct = { REDIS_URL: redis.url };
    const [first, second] = [await world.gateway(direct), await world.gateway(direct)];
    const traffic = world.startTraffic();
    await traffic.answered(MANY);
    expect(await redisState(first)).toBe('down');
    // On a busy machine, the time limit of the client may end before the refusal is read.
    const reason = expect.stringMatching(/^(ECONNREFUSED|ConnectionTimeoutError)$/) as string;
    const warning = ['Redis unavailable; using local cache', reason];
    expect(world.reports()).toEqual([warning, warning]);

    await redis.start();
    await untilRedisIsUp(first, second);
    await traffic.answered(SOME);
    await traffic.stop();
    expect([...traffic.statuses.keys()]).toEqual([200]);
    expect(kigo.requests('login').length).toBeLessThanOrEqual(2);
    await world.expectShared(first, second);
  });

  it('wait for few reads of Redis per request, each given up within 10 ms', async () => {
    const { redis, proxy, kigo } = world;
    const reads = () => proxy.count('GET') + claims(proxy);
    await redis.start();
    const first = await world.sharingGateway();
    await world.retryOnTimeout(async (user) => {
      await redis.command('FLUSHALL');
      const before = reads();
      expect((await first.get(badge(user))).status).toBe(200);
      // The account and the summary, and the token for the very first user.
      expect(reads() - before).toBeLessThanOrEqual(3);
      await world.stored(keyPart(user, 'program456'));
      await redis.command('FLUSHALL');
    });

    // The worst case: the account and the token in Redis are outdated.
    await world.retryOnTimeout(async (user) => {
      const teacher = await world.sharingGateway();
      expect((await teacher.get(badge(user))).status).toBe(200);
      await world.stored(keyPart(user, 'program456'));
      await world.stored(':token:');
      const second = await world.sharingGateway();
      const ids = { external_user_id: user, external_program_id: 'program456' };
      kigo.setAccount({ ...ids, account_id: `moved-${user}` });
      kigo.revokeAllTokens();
      for (const [key] of await redis.dump())
        if (key.includes(':hub-summary:')) await redis.command('DEL', key);
      kigo.clearRequests();
      const before = reads();
      expect((await second.get(badge(user))).status).toBe(200);
      expect(kigo.requests().map(({ route, status }) => [route, status])).toEqual([
        ['summary', 401],
        ['login', 200],
        ['summary', 404],
        ['lookup', 200],
        ['summary', 200],
      ]);
      // The account, the token twice, and the two summaries.
      expect(reads() - before).toBe(5);
    });

    const layers = first.app.get(TieredCache);
    const waits: number[] = [];
    while (waits.length < 5 || (Math.min(...waits) >= 10 && waits.length < 100)) {
      await untilRedisIsUp(first);
      redis.pause();
      const from = performance.now();
      expect(await layers.readShared('any')).toBeUndefined();
      waits.push(performance.now() - from);
      // A ping follows at once: after one or two more late reads, Redis is unavailable.
      const before = reads();
      for (let next = 0; next < 10; next += 1) expect(await layers.readShared('any')).toBeUndefined();
      expect(reads() - before).toBeLessThanOrEqual(2);
      redis.resume();
    }
    // A busy machine can only lengthen a wait, so the shortest one counts.
    expect(Math.min(...waits)).toBeLessThan(10);
  });

  it('do not blame Redis for a blocked event loop', async () => {
    const { redis } = world;
    await redis.start();
    // Connects to Redis directly: the proxy runs in the same event loop.
    const gateway = await world.sharingGateway({ REDIS_URL: redis.url });
    const layers = gateway.app.get(TieredCache);
    await world.retryOnTimeout(async () => {
      void layers.writeShared('known', 'value', 60_000);
      await world.stored('known');
      const read = layers.readShared('known');
      const from = performance.now();
      while (performance.now() - from < 100);
      expect(await read).toMatchObject({ value: 'value' });
    });
  });

  it('reconnect when Redis sends no reply at all, but not when it is slow', async () => {
    const { redis, proxy } = world;
    await redis.start();
    const gateway = await world.sharingGateway();
    const { opened } = proxy;
    proxy.delayMs = 200;
    await untilRedisIsDown(gateway);
    const probes = proxy.count('EVAL');
    await waitFor(
      'as many probes are sent as a silent connection gets',
      () => proxy.count('EVAL') >= probes + 7,
    );
    expect(proxy.opened).toBe(opened);

    proxy.delayMs = 0;
    proxy.blackHole = true;
    await waitFor('the gateway reconnects', () => proxy.opened > opened);
    proxy.blackHole = false;
    await untilRedisIsUp(gateway);
    expect(proxy.connections).toBe(1);
  });

  it('give up a handshake that Redis never answers', async () => {
    const { redis, proxy } = world;
    await redis.start();
    proxy.blackHole = true;
    // With a database number the client needs a reply before it is ready.
    const gateway = await world.gateway({ REDIS_URL: `${proxy.url}/1` });
    await waitFor('the handshake has started', () => proxy.count('SELECT') > 0);
    proxy.blackHole = false;
    expect((await gateway.get(badge())).status).toBe(200);
    await untilRedisIsUp(gateway);
    expect(proxy.connections).toBe(1);
  });

  it.each([
    ['works', false],
    ['is behind a network that drops all packets', true],
  ])('close their connections for good at shutdown while Redis %s', async (_, blackHole) => {
    const { redis, proxy } = world;
    await redis.start();
    const ready = await world.sharingGateway();
    proxy.blackHole = blackHole;
    const handshaking = await world.gateway({ REDIS_URL: `${proxy.url}/1` });
    await waitFor('both gateways are connected', () => proxy.connections === 2);
    for (const gateway of [ready, handshaking]) {
      world.release(gateway);
      await gateway.close();
    }
    await waitFor('no connection is left', () => proxy.connections === 0);
    const { opened } = proxy;
    const from = performance.now();
    await waitFor('another attempt would have been made', () => performance.now() - from > 1_000);
    expect(proxy.opened).toBe(opened);
  });

  it('keep the connection while Redis loads its data, and use it afterwards', async () => {
    const { redis, proxy } = world;
    await redis.start('--rdbcompression', 'no');
    const fill = "for i = 1, 6000 do redis.call('SET', 'x' .. i, string.rep('x', 1100)) end";
    await redis.command('EVAL', fill, '0');
    await redis.command('SAVE');
    await redis.kill();
    // 2 ms per key, and connections are served after each key: loading would take 12 s.
    await redis.start('--key-load-delay', '2000', '--loading-process-events-interval-bytes', '1024');
    const gateway = await world.gateway();
    const probes = proxy.count('EVAL');
    await waitFor(
      'Redis was probed more often than a silent connection is',
      () => proxy.count('EVAL') >= probes + 8,
    );
    expect((await gateway.get(badge())).status).toBe(200);
    expect(await redisState(gateway)).toBe('down');

    await redis.command('CONFIG', 'SET', 'key-load-delay', '0');
    await untilRedisIsUp(gateway);
    expect(proxy.opened).toBe(1);
  });

  interface Rejection extends Fault {
    readonly reason: string;
    /** Whether another connection may reach a better server. */
    readonly reconnects: boolean;
  }

  const rejections: Rejection[] = [
    {
      fault: 'is a read-only replica',
      begin: ({ redis }) => redis.command('REPLICAOF', '127.0.0.1', '1'),
      end: ({ redis }) => redis.command('REPLICAOF', 'NO', 'ONE'),
      reason: 'READONLY',
      reconnects: true,
    },
    ...['get', 'set', 'eval', 'incrby', 'pttl', 'pexpire', 'del'].map((command) => ({
      fault: `forbids ${command}`,
      begin: ({ redis }: RedisWorld) => redis.command('ACL', 'SETUSER', 'default', `-${command}`),
      end: ({ redis }: RedisWorld) => redis.command('ACL', 'SETUSER', 'default', '+@all'),
      reason: 'NOPERM',
      reconnects: true,
    })),
    {
      fault: 'has no memory left for writes',
      begin: ({ redis }) => redis.command('CONFIG', 'SET', 'maxmemory', '1'),
      end: ({ redis }) => redis.command('CONFIG', 'SET', 'maxmemory', '0'),
      reason: 'OOM',
      reconnects: false,
    },
  ];

  it.each(rejections)(
    'are down while Redis $fault, log it once and without a key, and are up again afterwards',
    async ({ begin, end, reason, reconnects }) => {
      const { redis, proxy } = world;
      await redis.start();
      const gateway = await world.sharingGateway();
      await world.retryOnTimeout(async (user) => {
        const { opened } = proxy;
        const logged = world.reports().length;
        await begin(world);
        try {
          await untilRedisIsDown(gateway);
          if (reconnects) await waitFor('the gateway reconnects', () => proxy.opened > opened);
          expect((await gateway.get(badge(`secret-${user}`))).status).toBe(200);
          expect(await redisState(gateway)).toBe('down');
          expect(world.reports().slice(logged)).toEqual([['Redis unavailable; using local cache', reason]]);
          expect(reconnects || proxy.opened === opened).toBe(true);
        } finally {
          await end(world);
        }
        await untilRedisIsUp(gateway);
      });
      expect(JSON.stringify(gateway.log.filter(({ context }) => context === 'Redis'))).not.toContain(
        'secret',
      );
    },
  );

  it('are down on a node of a cluster that has a part of the slots, and up on one that has all', async () => {
    const { redis, proxy } = world;
    await redis.start('--cluster-enabled', 'yes', '--cluster-require-full-coverage', 'no');
    await redis.command('CLUSTER', 'ADDSLOTSRANGE', '0', '12287');
    const gateway = await world.gateway();
    await waitFor('Redis has rejected several probes', () => proxy.count('EVAL') >= 5);
    expect(await redisState(gateway)).toBe('down');
    await redis.command('CLUSTER', 'ADDSLOTSRANGE', '12288', '16383');
    await untilRedisIsUp(gateway);
    await world.retryOnTimeout(async (user) => {
      // The lease of an entry is in its slot.
      expect((await gateway.get(badge(user))).status).toBe(200);
      await world.stored(keyPart(user, 'program456'));
      expect(await redisState(gateway)).toBe('up');
    });
  });
});

describeWithRedis('two gateways that share a Redis', () => {
  let world: RedisWorld;
  let first: Gateway;
  let second: Gateway;

  beforeAll(async () => {
    world = await RedisWorld.create();
    await world.redis.start();
    [first, second] = [await world.sharingGateway(), await world.sharingGateway()];
  });
  beforeEach(() => world.kigo.clearRequests());
  afterEach(() => world.stopTraffic());
  afterAll(() => world.close());

  interface Outage extends Fault {
    /** How many reads `MANY` requests of new users may still send, instead of twice as many. */
    readonly reads: number;
  }

  // A gateway whose event loop is blocked for as long cannot detect the delay, and uses Redis from time to time.
  const SOME_READS = MANY / 2;

  const outages: Outage[] = [
    {
      fault: 'is killed and restarted',
      begin: ({ redis }) => redis.kill(),
      end: ({ redis }) => redis.start(),
      reads: 0,
    },
    {
      fault: 'is paused and resumed',
      begin: ({ redis }) => redis.pause(),
      end: ({ redis }) => redis.resume(),
      reads: 0,
    },
    {
      fault: 'is behind a network that drops all packets',
      begin: ({ proxy }) => (proxy.blackHole = true),
      end: ({ proxy }) => (proxy.blackHole = false),
      reads: 0,
    },
    {
      fault: 'is behind a network that rejects connections',
      begin: ({ proxy }) => proxy.refuse(),
      end: ({ proxy }) => proxy.accept(),
      reads: 0,
    },
    {
      fault: 'replies after 30 ms',
      begin: ({ proxy }) => (proxy.delayMs = 30),
      end: ({ proxy }) => (proxy.delayMs = 0),
      reads: SOME_READS,
    },
    {
      fault: 'replies after 200 ms',
      begin: ({ proxy }) => (proxy.delayMs = 200),
      end: ({ proxy }) => (proxy.delayMs = 0),
      reads: SOME_READS,
    },
  ];

  it.each(outages)('do not wait for it while it $fault, and share through it afterwards', async (outage) => {
    const { begin, end } = outage;
    const { proxy, kigo } = world;
    const traffic = world.startTraffic();
    await traffic.answered(SOME);

    await begin(world);
    await traffic.answered(MANY);
    await untilRedisIsDown(first, second);
    const before = claims(proxy);
    await traffic.answered(MANY);
    // Redis gets no commands, so nothing queues up.
    expect(claims(proxy) - before).toBeLessThanOrEqual(outage.reads);

    await end(world);
    await untilRedisIsUp(first, second);
    await traffic.answered(SOME);
    await traffic.stop();
    expect([...traffic.statuses.keys()]).toEqual([200]);
    // At most each gateway asks Kigo for itself.
    expect(kigo.requests('lookup').length).toBeLessThanOrEqual(2 * traffic.users);
    expect(kigo.requests('summary').length).toBeLessThanOrEqual(2 * traffic.users);
    expect(kigo.requests('login').length).toBeLessThanOrEqual(2);
    await world.expectShared(first, second);
  });

  const troubles: Fault[] = [
    {
      fault: 'replies after 5 ms',
      begin: ({ proxy }) => (proxy.delayMs = 5),
      end: ({ proxy }) => (proxy.delayMs = 0),
    },
    {
      fault: 'is flushed',
      begin: ({ redis }) => redis.command('FLUSHALL'),
      end: () => undefined,
    },
    {
      fault: 'has no memory left for writes',
      begin: ({ redis }) => redis.command('CONFIG', 'SET', 'maxmemory', '1'),
      end: ({ redis }) => redis.command('CONFIG', 'SET', 'maxmemory', '0'),
    },
    {
      fault: 'is a read-only replica',
      begin: ({ redis }) => redis.command('REPLICAOF', '127.0.0.1', '1'),
      end: ({ redis }) => redis.command('REPLICAOF', 'NO', 'ONE'),
    },
  ];

  it.each(troubles)(
    'answer every request while it $fault, and share through it afterwards',
    async ({ begin, end }) => {
      const { kigo } = world;
      const traffic = world.startTraffic();
      await traffic.answered(SOME);
      await begin(world);
      await traffic.answered(2 * MANY);
      await end(world);
      await traffic.answered(SOME);
      await traffic.stop();

      expect([...traffic.statuses.keys()]).toEqual([200]);
      expect(kigo.requests('lookup').length).toBeLessThanOrEqual(2 * traffic.users);
      expect(kigo.requests('summary').length).toBeLessThanOrEqual(2 * traffic.users);
      expect(kigo.requests('login').length).toBeLessThanOrEqual(2);
      await world.expectShared(first, second);
    },
  );
});
