import supertest from 'supertest';
import { passSeconds, restoreClock } from '../support/clock.js';
import { badge, startGateway } from '../support/gateway.js';
import type { Environment } from '../../src/config/read-config.js';
import type { Gateway } from '../support/gateway.js';
import { problemIn } from '../support/problem.js';

let gateway: Gateway;

async function start(env: Environment): Promise<void> {
  gateway = await startGateway({ API_KEYS: 'shop:key-1,shop:key-2,app:key-3', ...env });
  passSeconds(0);
}

afterEach(async () => {
  restoreClock();
  await gateway.close();
});

/** Nothing listens at the address of Kigo: calls that pass the rate limit get 502 or 503. */
const ask = (key: string, headers: Record<string, string> = {}) =>
  supertest(gateway.url)
    .get(badge())
    .set({ authorization: `Bearer ${key}`, ...headers });
const deliver = (headers: Record<string, string> = {}) =>
  supertest(gateway.url)
    .post('/callbacks/kiip')
    .set({ 'content-type': 'application/json', ...headers })
    .send('{}');
const limited = async (calls: PromiseLike<{ status: number }>[]) =>
  (await Promise.all(calls)).filter(({ status }) => status === 429).length;
const from = (forwarded: string) => limited([deliver({ 'x-forwarded-for': forwarded })]);

describe('rate limit of callers', () => {
  it('counts the calls over all keys of a caller, reports the rest in headers and rejects more', async () => {
    await start({ RATE_LIMIT_PER_MINUTE: '5' });
    for (const left of [4, 3, 2, 1, 0]) {
      const { status, headers } = await ask(`key-${1 + (left % 2)}`);
      expect(status).not.toBe(429);
      expect(headers['ratelimit-policy']).toBe('"caller";q=5;w=60');
      expect(headers['ratelimit']).toBe(`"caller";r=${left};t=60`);
    }
    passSeconds(17.5);
    const rejected = await ask('key-1');
    expect(problemIn(rejected)).toMatchObject({
      status: 429,
      type: 'urn:rewards-gateway:problem:rate-limited',
      retryable: true,
      retry_after_seconds: 43,
    });
    expect(rejected.headers).toMatchObject({ 'retry-after': '43', ratelimit: '"caller";r=0;t=43' });
    // Other callers have their own limit.
    expect((await ask('key-3')).headers['ratelimit']).toBe('"caller";r=4;t=60');
    passSeconds(43);
    expect((await ask('key-2')).headers['ratelimit']).toBe('"caller";r=4;t=60');
  });

  it.each([
    ['7', 7],
    ['250', 250],
    ['0.5', 1],
  ])(
    'allows exactly RATE_LIMIT_PER_MINUTE=%s of many concurrent calls',
    async (RATE_LIMIT_PER_MINUTE, limit) => {
      await start({ RATE_LIMIT_PER_MINUTE });
      const calls = Array.from({ length: limit + 20 }, () => ask('key-1'));
      expect(await limited(calls)).toBe(20);
    },
  );

  it('does not count unauthenticated calls, and never turns their 401 into 429', async () => {
    await start({ RATE_LIMIT_PER_MINUTE: '1' });
    for (let count = 0; count < 5; count += 1) expect((await ask('wrong')).status).toBe(401);
    expect(await limited([ask('key-1')])).toBe(0);
    expect((await ask('wrong')).status).toBe(401);
  });

  it('defaults to 6,000 calls, and 60,000 callbacks, per minute', async () => {
    await start({ RATE_LIMIT_PER_MINUTE: '' });
    expect((await ask('key-1')).headers['ratelimit']).toBe('"caller";r=5999;t=60');
    expect((await deliver()).headers['ratelimit']).toBe('"callback";r=59999;t=60');
  });

  it('is off with RATE_LIMIT_PER_MINUTE=0', async () => {
    await start({ RATE_LIMIT_PER_MINUTE: '0' });
    const { status, headers } = await ask('key-1');
    expect(status).not.toBe(429);
    expect(headers).not.toHaveProperty('ratelimit');
  });

  it('counts by client address without caller authentication', async () => {
    await start({
      RATE_LIMIT_PER_MINUTE: '1',
      CALLER_AUTH: 'none',
      CALLER_SCOPES: undefined,
      TRUSTED_PROXY_HOPS: '1',
    });
    const addresses = ['192.0.2.1', '192.0.2.2', '192.0.2.1'];
    const calls = addresses.map((address) => ask('', { 'x-forwarded-for': address }));
    expect(await limited(calls)).toBe(1);
  });

  it('does not apply to health checks', async () => {
    await start({ RATE_LIMIT_PER_MINUTE: '1', CALLBACK_RATE_LIMIT_PER_MINUTE: '1' });
    const calls = Array.from({ length: 5 }, () => supertest(gateway.url).get('/health/live'));
    expect(await limited(calls)).toBe(0);
  });
});

describe('rate limit of callbacks', () => {
  it('counts by client address, separately from callers', async () => {
    await start({ CALLBACK_RATE_LIMIT_PER_MINUTE: '3', RATE_LIMIT_PER_MINUTE: '1' });
    expect(await limited(Array.from({ length: 10 }, () => deliver()))).toBe(7);
    const rejected = await deliver();
    expect(problemIn(rejected).type).toBe('urn:rewards-gateway:problem:rate-limited');
    expect(rejected.headers['ratelimit-policy']).toBe('"callback";q=3;w=60');
    expect(await limited([ask('key-1')])).toBe(0);
  });

  it('ignores X-Forwarded-For without trusted proxies', async () => {
    await start({ CALLBACK_RATE_LIMIT_PER_MINUTE: '1' });
    expect([await from('192.0.2.1'), await from('192.0.2.2')]).toEqual([0, 1]);
  });

  it('uses the address that the trusted proxies report, whatever precedes it', async () => {
    await start({ CALLBACK_RATE_LIMIT_PER_MINUTE: '1', TRUSTED_PROXY_HOPS: '2' });
    expect(await from('192.0.2.1, 10.0.0.1')).toBe(0);
    expect(await from('forged, 192.0.2.1, 10.0.0.2')).toBe(1);
    expect(await from('192.0.2.2, 10.0.0.1')).toBe(0);
  });

  it('counts IPv6 clients by their /64 network', async () => {
    await start({ CALLBACK_RATE_LIMIT_PER_MINUTE: '1', TRUSTED_PROXY_HOPS: '1' });
    expect(await from('2001:db8:1:2::1')).toBe(0);
    expect(await from('2001:db8:1:2:ffff::7')).toBe(1);
    expect(await from('2001:db8:1:3::1')).toBe(0);
  });
});
