import { mock } from 'node:test';
import { LoginLock } from '../../src/kigo-auth/login-lock.js';
import type { UnviewedCountDto } from '../../src/hub-summary/hub-summary.dto.js';
import { baseEnvironment, badge } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { passSeconds, restoreClock } from '../support/clock.js';
import { describeWithRedis } from '../support/redis.js';
import { RedisWorld, redisState } from '../support/redis-world.js';
import { waitFor } from '../support/wait-for.js';

function maxAge(response: Response): number {
  return Number(/max-age=(\d+)/.exec(response.headers.get('cache-control') ?? '')?.[1]);
}

describeWithRedis('gateways that share a Redis', () => {
  let world: RedisWorld;

  beforeEach(async () => {
    world = await RedisWorld.create({ direct: true });
    await world.redis.start();
  });

  afterEach(() => {
    restoreClock();
    return world.close();
  });

  const routes = () => world.kigo.requests().map(({ route }) => route);

  it('work as a Redis user that may use the keys of its REDIS_KEY_PREFIX alone', async () => {
    const { redis } = world;
    await redis.command('ACL', 'SETUSER', 'staging', 'on', '>word', '~staging:*', '+@all');
    const gateway = await world.sharingGateway({
      REDIS_URL: redis.url.replace('//', '//staging:word@'),
      REDIS_KEY_PREFIX: 'staging:',
    });
    await world.retryOnTimeout(async (user) => {
      expect((await gateway.get(badge(user))).status).toBe(200);
      for (const part of [':token:', ':account:', ':hub-summary:']) await world.stored(part);
    });
    const keys = (await redis.dump()).map(([key]) => key);
    expect(keys.filter((key) => !key.startsWith('staging:'))).toEqual([]);
  });

  it('reach a Redis by an IPv6 address', async () => {
    await world.redis.kill();
    await world.redis.start('--bind', '127.0.0.1', '::1');
    const gateway = await world.sharingGateway({ REDIS_URL: `redis://[::1]:${world.redis.port}` });
    expect(await redisState(gateway)).toBe('up');
  });

  it('cause one login, one lookup and one summary together', async () => {
    await world.retryOnTimeout(async () => {
      await world.redis.command('FLUSHALL');
      world.kigo.clearRequests();
      const first = await world.sharingGateway();
      const second = await world.sharingGateway();
      expect(await (await first.get(badge())).json()).toEqual({ count: 12 });
      for (const part of [':account:', ':hub-summary:', ':token:']) await world.stored(part);

      expect(await (await second.get(badge())).json()).toEqual({ count: 12 });
      expect(routes()).toEqual(['login', 'lookup', 'summary']);
      // Another user causes a lookup and a summary, but no login.
      expect((await second.get(badge('user-of-second'))).status).toBe(200);
      expect(routes()).toEqual(['login', 'lookup', 'summary', 'lookup', 'summary']);
    });
  });

  it('log in once when all start at the same time, and once more when the token is revoked', async () => {
    world.kigo.addFault({ kind: 'slow', route: 'login', delayMs: 300 });
    const gateways = await Promise.all(Array.from({ length: 5 }, () => world.sharingGateway()));
    const askAll = async (user: string) => {
      const answers = await Promise.all(gateways.map((gateway, index) => gateway.get(badge(user + index))));
      expect(answers.map(({ status }) => status)).toEqual(gateways.map(() => 200));
    };
    await world.retryOnTimeout(async (user) => {
      world.kigo.clearRequests();
      world.kigo.revokeAllTokens();
      await askAll(`${user}-a`);
      expect(world.kigo.requests('login')).toHaveLength(1);
      world.kigo.revokeAllTokens();
      await askAll(`${user}-b`);
      expect(world.kigo.requests('login')).toHaveLength(2);
    });
  });

  it('log in once when one acquires the login lease just after another has released it', async () => {
    world.kigo.addFault({ kind: 'slow', route: 'login', delayMs: 1_000 });
    const [first, second] = [await world.sharingGateway(), await world.sharingGateway()];
    const lock = second.app.get(LoginLock, { strict: false });
    const acquire = lock.acquire.bind(lock);
    let calls = 0;
    mock.method(lock, 'acquire', async (ttlMs: number) => {
      calls += 1;
      if (calls > 1)
        await waitFor('the first gateway has released the lease', async () =>
          (await world.redis.dump()).every(([key]) => !key.endsWith(':login')),
        );
      return acquire(ttlMs);
    });
    await world.retryOnTimeout(async (user) => {
      calls = 0;
      world.kigo.clearRequests();
      world.kigo.revokeAllTokens();
      await world.redis.command('FLUSHALL');
      const asked = first.get(badge(`${user}-a`));
      await waitFor('the first gateway logs in', () => world.kigo.requests('login').length === 1);
      expect((await second.get(badge(`${user}-b`))).status).toBe(200);
      expect((await asked).status).toBe(200);
      expect(calls).toBe(2);
      expect(world.kigo.requests('login')).toHaveLength(1);
    });
  });

  it('log in when the tokens of two gateways are both revoked', async () => {
    await world.retryOnTimeout(async (user) => {
      world.kigo.clearRequests();
      const [first, second] = [await world.sharingGateway(), await world.sharingGateway()];
      expect((await first.get(badge(`${user}-a`))).status).toBe(200);
      await world.stored(':token:');
      await world.redis.command('FLUSHALL');
      expect((await second.get(badge(`${user}-b`))).status).toBe(200);
      await world.stored(':token:');
      expect(world.kigo.requests('login')).toHaveLength(2);
      world.kigo.revokeAllTokens();
      world.kigo.clearRequests();
      expect((await first.get(badge(`${user}-c`))).status).toBe(200);
      // Kigo rejects its own token, then that of the second gateway; then it logs in.
      expect(routes()).toEqual(['lookup', 'lookup', 'login', 'lookup', 'summary']);
    });
  });

  it('serve requests while the login of the lease holder hangs', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map(() => world.sharingGateway({ KIGO_TIMEOUT_MS: '2000' })),
    );
    await world.retryOnTimeout(async (user) => {
      world.kigo.revokeAllTokens();
      world.kigo.clearRequests();
      world.kigo.addFault({ kind: 'hang', route: 'login', times: 1 });
      const asked = first!.get(badge(`${user}-a`));
      await waitFor('the first gateway logs in', () => world.kigo.requests('login').length === 1);
      expect((await second!.get(badge(`${user}-b`))).status).toBe(200);
      expect((await asked).status).toBe(200);
    });
  });

  it('refresh a summary once for all gateways', async () => {
    await world.retryOnTimeout(async (user) => {
      restoreClock();
      await world.redis.command('FLUSHALL');
      const [first, second] = [await world.sharingGateway(), await world.sharingGateway()];
      const fresh = maxAge(await first.get(badge(user)));
      await world.stored(':hub-summary:');
      await second.get(badge(user));
      world.kigo.clearRequests();

      passSeconds(0.95 * fresh);
      await Promise.all([first.get(badge(user)), second.get(badge(user))]);
      await waitFor('the refreshed summary is in Redis', async () =>
        (await world.redis.dump()).some(([, value]) => value.includes(`\\"asOf\\":${Date.now()}`)),
      );
      await waitFor('the second gateway serves it', async () => {
        return (await second.get(badge(user))).headers.get('age') === '0';
      });
      expect(routes()).toEqual(['summary']);
    });
  });

  it('refresh a count once for all gateways, and all serve it within 5 s', async () => {
    await world.retryOnTimeout(async (user) => {
      restoreClock();
      await world.redis.command('FLUSHALL');
      const ids = { external_user_id: user, external_program_id: 'program456' };
      const gateways = [await world.sharingGateway(), await world.sharingGateway()] as const;
      const [first, second] = gateways;
      for (const gateway of gateways) {
        await gateway.get(badge(user));
        await world.stored(':hub-summary:');
      }
      world.kigo.setAccount({ ...ids, unviewed_products: 77 });
      world.kigo.clearRequests();

      for (const gateway of gateways) await gateway.post('/api/v1/unviewed-counts/refresh', { users: [ids] });
      const count = async (gateway: Gateway) => (await gateway.get(badge(user))).json();
      await waitFor('one serves the new count', async () => {
        const counts = await Promise.all(gateways.map(count));
        return counts.some((each) => (each as UnviewedCountDto).count === 77);
      });
      await waitFor('the new count is in Redis', async () =>
        (await world.redis.dump()).some(([, value]) => value.includes('77')),
      );
      passSeconds(5);
      expect(await count(first)).toEqual({ count: 77 });
      expect(await count(second)).toEqual({ count: 77 });
      expect(routes()).toEqual(['summary']);
    });
  });
});

describeWithRedis('gateways that find the entries of another in Redis', () => {
  let world: RedisWorld;
  /** The entries, with the time that each has left. */
  let entries: { key: string; value: string; leftMs: number }[];
  const routes = () => world.kigo.requests().map(({ route }) => route);

  beforeAll(async () => {
    world = await RedisWorld.create({ direct: true });
    await world.redis.start();
    await world.retryOnTimeout(async () => {
      // A new gateway each time: one that got its token while Redis was late would not store it again.
      const gateway = await world.sharingGateway();
      await gateway.get(badge('user123'));
      for (const part of [':account:', ':hub-summary:', ':token:']) await world.stored(part);
      await waitFor('the login lease is released', async () =>
        (await world.redis.dump()).every(([key]) => !key.endsWith(':login')),
      );
    });
    const dump = await world.redis.dump();
    entries = await Promise.all(
      dump.map(async ([key, value]) => ({
        key,
        value,
        leftMs: Number(await world.redis.command('PTTL', key)),
      })),
    );
  });

  afterAll(() => world.close());

  beforeEach(async () => {
    await world.redis.command('FLUSHALL');
    for (const { key, value, leftMs } of entries)
      await world.redis.command('SET', key, value, 'PX', String(leftMs));
    world.kigo.clearFaults();
    world.kigo.configure({ apiKeys: [baseEnvironment['KIGO_API_KEY']!] });
    world.kigo.clearRequests();
  });

  afterEach(() => world.closeGateways());

  it('find entries that all have an expiry', () => {
    const longest = [
      [':token:', 1800],
      [':hub-summary:', 3600 + 300],
      [':account:', 3600 + 86_400],
    ] as const;
    expect(entries).toHaveLength(longest.length);
    for (const { key, leftMs } of entries) {
      const [, seconds] = longest.find(([part]) => key.includes(part))!;
      expect(leftMs).toBeGreaterThan((seconds / 2) * 1_000);
      expect(leftMs).toBeLessThanOrEqual(seconds * 1_000);
    }
  });

  it('apply their own lifetimes to shared entries', async () => {
    const strict = await world.sharingGateway({
      HUB_SUMMARY_TTL_SECONDS: '0.001',
      HUB_SUMMARY_STALE_SECONDS: '0.001',
    });
    world.kigo.addFault({ kind: 'status', status: 400, route: 'summary' });
    expect((await strict.get(badge('user123'))).status).toBe(502);
  });

  it('store and log neither the token nor the API key, in any encoding', async () => {
    const gateway = await world.sharingGateway();
    expect((await gateway.get(badge('user-of-second'))).status).toBe(200);
    const { authorization } = world.kigo.requests('summary').at(-1)!.headers;
    const token = authorization!.replace('Bearer ', '');
    expect(token).toMatch(/^kigo_/);

    const dump = await world.redis.dump();
    expect(dump.some(([key]) => key.includes(':token:'))).toBe(true);
    const seen = JSON.stringify(dump) + JSON.stringify(gateway.log);
    const decoded = dump.map(([, value]) => {
      const data: unknown = JSON.parse(sealed(value)?.data ?? 'null');
      return typeof data === 'string' ? Buffer.from(data, 'base64').toString('latin1') : '';
    });
    expect(decoded.some((text) => text !== '')).toBe(true);
    for (const secret of [token, baseEnvironment['KIGO_API_KEY']!]) {
      for (const encoding of ['utf8', 'base64', 'base64url', 'hex'] as const)
        expect(seen).not.toContain(Buffer.from(secret).toString(encoding).replace(/=+$/, ''));
      expect(decoded.join('\n')).not.toContain(secret);
    }
  });

  it('do not accept a token that was encrypted with another API key', async () => {
    world.kigo.configure({ apiKeys: [baseEnvironment['KIGO_API_KEY']!, 'another-key'] });
    world.kigo.clearRequests();
    const other = await world.sharingGateway({ KIGO_API_KEY: 'another-key' });
    await world.retryOnTimeout(async (user) => {
      expect((await other.get(badge(user))).status).toBe(200);
      expect(routes()).toContain('login');
    });
    expect(world.kigo.requests('login')).toHaveLength(1);
  });

  it.each([
    ['replaced by another string', (data: string) => data.replace(/"[^"]*"/, '"AAAA"')],
    [
      'changed in one bit',
      (data: string) => data.replace(/"(.)/, (_, first) => `"${first === 'A' ? 'B' : 'A'}`),
    ],
    ['replaced by an object', () => '{"value":"forged","ttlMs":9e15}'],
  ])('log in instead of using a token that was %s', async (_, spoil) => {
    const [key, value] = (await world.redis.dump()).find(([name]) => name.includes(':token:'))!;
    await store(
      key,
      change(value, ({ data }) => ({ data: spoil(data) })),
    );
    world.kigo.clearRequests();
    const gateway = await world.sharingGateway();
    expect((await gateway.get(badge('user-of-second'))).status).toBe(200);
    expect(routes()).toEqual(['login', 'lookup', 'summary']);
  });

  const store = (key: string, value: string) => world.redis.command('SET', key, value, 'PX', '60000');

  const wrongEntries: [what: string, spoil: (value: string) => string][] = [
    ['is not JSON', () => '{"value":'],
    ['is other JSON', () => '[42]'],
    ['is text', () => '"acc-1"'],
    ['is null', () => 'null'],
    ['is empty', () => ''],
    ['has another version', () => '{"value":{"count":99,"at":1},"expires":9e15}'],
    [
      'holds another value',
      (value) => change(value, ({ data }) => ({ data: data.replaceAll(/"acc[^"]*"|:\d{1,4}\b/g, ':99') })),
    ],
    ['was made younger', (value) => change(value, ({ bornAt }) => ({ bornAt: bornAt + 1_000 }))],
    ['was made to last', (value) => change(value, ({ lifetimeMs }) => ({ lifetimeMs: lifetimeMs * 2 }))],
    ['has no seal', (value) => change(value, () => ({ mac: undefined }))],
    ['has another seal', (value) => change(value, () => ({ mac: 'AAAA' }))],
  ];

  /** Replaces both entries, and expects that the gateway reads both from Kigo and stores them again. */
  async function expectIgnored(replace: (key: string, value: string, other: string) => Promise<unknown>) {
    const { redis, kigo } = world;
    const right = (await redis.dump()).filter(([key]) => !key.includes(':token:'));
    const [[, first], [, second]] = right as [[string, string], [string, string]];
    for (const [key, value] of right) {
      await redis.command('DEL', key);
      await replace(key, value, value === first ? second : first);
    }

    kigo.clearRequests();
    const gateway = await world.sharingGateway();
    expect(await (await gateway.get(badge('user123'))).json()).toEqual({ count: 12 });
    expect(kigo.requests('lookup')).toHaveLength(1);
    expect(kigo.requests('summary')).toHaveLength(1);

    const times = /\\?"(asOf|expires|bornAt|lifetimeMs)\\?":[\d.]+|"mac":"[^"]+"/g;
    const timeless = (entries: [string, string][]) =>
      entries.map(([key, value]) => `${key} ${value.replace(times, '')}`).toSorted();
    await world.retryOnTimeout(async () => {
      await gateway.get(badge('user123'), { 'cache-control': 'no-cache' });
      await waitFor('both entries are replaced', async () => {
        const now = (await redis.dump()).filter(([key]) => right.some(([name]) => name === key));
        return timeless(now).join() === timeless(right).join();
      });
    });
  }

  it.each(wrongEntries)('ignore and replace an entry that %s', async (_, spoil) => {
    await expectIgnored((key, value) => {
      expect(spoil(value)).not.toBe(value);
      return store(key, spoil(value));
    });
  });

  const replacements: [
    what: string,
    replace: (key: string, value: string, other: string) => Promise<unknown>,
  ][] = [
    ['belongs to another key', (key, _, other) => store(key, other)],
    ['never expires', (key, value) => world.redis.command('SET', key, value)],
    ['is a list', (key) => world.redis.command('LPUSH', key, 'x')],
  ];

  it.each(replacements)('ignore and replace an entry that %s', async (_, replace) => {
    await expectIgnored(replace);
    expect(await world.redis.dump()).not.toEqual([]);
  });

  it('ignore and replace an entry of a gateway with another API key', async () => {
    const apiKeys = [baseEnvironment['KIGO_API_KEY']!, 'another-key'];
    world.kigo.configure({ apiKeys });
    const other = await world.sharingGateway({ KIGO_API_KEY: 'another-key' });
    world.kigo.clearRequests();
    expect(await (await other.get(badge('user123'))).json()).toEqual({ count: 12 });
    expect(routes()).toEqual(['login', 'lookup', 'summary']);
  });
});

interface Sealed {
  readonly data: string;
  readonly bornAt: number;
  readonly lifetimeMs: number;
}

/** The entry in a value of Redis; undefined in one that is no entry, such as a lease. */
function sealed(value: string): Sealed | undefined {
  return (value.startsWith('{') ? (JSON.parse(value) as { value: Sealed }) : undefined)?.value;
}

function change(value: string, to: (entry: Sealed) => object): string {
  const entry = sealed(value)!;
  return JSON.stringify({ value: { ...entry, ...to(entry) } });
}
