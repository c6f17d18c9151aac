import supertest from 'supertest';
import { passSeconds, restoreClock } from '../support/clock.js';
import { badge, startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { problemIn } from '../support/problem.js';

let gateway: Gateway;

async function start(env: Record<string, string>): Promise<void> {
  gateway = await startGateway({ API_KEYS: 'shop:key-1,shop:key-2,app:key-3', ...env });
  passSeconds(0);
}

afterEach(async () => {
  restoreClock();
  await gateway.close();
});

/** Nobody listens where Kigo would be: whatever is let through is a 502 or a 503. */
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

describe('a caller', () => {
  it('is told how many calls are left, and refused beyond them, over all its keys', async () => {
    await start({ RATE_LIMIT_PER_MINUTE: '5' });
    for (const left of [4, 3, 2, 1, 0]) {
      const { status, headers } = await ask(`key-${1 + (left % 2)}`);
      expect(status).not.toBe(429);
      expect(headers['ratelimit-policy']).toBe('"caller";q=5;w=60');
      expect(headers['ratelimit']).toBe(`"caller";r=${left};t=60`);
    }
    passSeconds(17.5);
    const refused = await ask('key-1');
    expect(problemIn(refused)).toMatchObject({
      status: 429,
      type: 'urn:rewards-gateway:problem:rate-limited',
      retryable: true,
      retry_after_seconds: 43,
    });
    expect(refused.headers).toMatchObject({ 'retry-after': '43', ratelimit: '"caller";r=0;t=43' });
    // Others have a limit of their own.
    expect((await ask('key-3')).headers['ratelimit']).toBe('"caller";r=4;t=60');
    passSeconds(43);
    expect((await ask('key-2')).headers['ratelimit']).toBe('"caller";r=4;t=60');
  });

  it.each([
    ['7', 7],
    ['250', 250],
    ['0.5', 1],
  ])(
    'has exactly RATE_LIMIT_PER_MINUTE=%s calls, however many it makes at once',
    async (RATE_LIMIT_PER_MINUTE, limit) => {
      await start({ RATE_LIMIT_PER_MINUTE });
      const calls = Array.from({ length: limit + 20 }, () => ask('key-1'));
      expect(await limited(calls)).toBe(20);
    },
  );

  it('is not counted by what strangers send, and strangers are not let in by the limit', async () => {
    await start({ RATE_LIMIT_PER_MINUTE: '1' });
    for (let count = 0; count < 5; count += 1) expect((await ask('wrong')).status).toBe(401);
    expect(await limited([ask('key-1')])).toBe(0);
    expect((await ask('wrong')).status).toBe(401);
  });

  it('has 6000 calls where nothing is configured', async () => {
    await start({ RATE_LIMIT_PER_MINUTE: '' });
    expect((await ask('key-1')).headers['ratelimit']).toBe('"caller";r=5999;t=60');
    expect((await deliver()).headers['ratelimit']).toBe('"callback";r=59999;t=60');
  });

  it('has no limit with RATE_LIMIT_PER_MINUTE=0', async () => {
    await start({ RATE_LIMIT_PER_MINUTE: '0' });
    const { status, headers } = await ask('key-1');
    expect(status).not.toBe(429);
    expect(headers).not.toHaveProperty('ratelimit');
  });

  it('without a name, where everybody may call, is counted by its address', async () => {
    await start({ RATE_LIMIT_PER_MINUTE: '1', CALLER_AUTH: 'none', TRUSTED_PROXY_HOPS: '1' });
    const addresses = ['192.0.2.1', '192.0.2.2', '192.0.2.1'];
    const calls = addresses.map((address) => ask('', { 'x-forwarded-for': address }));
    expect(await limited(calls)).toBe(1);
  });

  it('may always ask how the service is', async () => {
    await start({ RATE_LIMIT_PER_MINUTE: '1', CALLBACK_RATE_LIMIT_PER_MINUTE: '1' });
    const calls = Array.from({ length: 5 }, () => supertest(gateway.url).get('/health/live'));
    expect(await limited(calls)).toBe(0);
  });
});

describe('a callback', () => {
  it('is counted by its source, apart from callers', async () => {
    await start({ CALLBACK_RATE_LIMIT_PER_MINUTE: '3', RATE_LIMIT_PER_MINUTE: '1' });
    expect(await limited(Array.from({ length: 10 }, () => deliver()))).toBe(7);
    const refused = await deliver();
    expect(problemIn(refused).type).toBe('urn:rewards-gateway:problem:rate-limited');
    expect(refused.headers['ratelimit-policy']).toBe('"callback";q=3;w=60');
    expect(await limited([ask('key-1')])).toBe(0);
  });

  it('cannot choose its source where no proxy is trusted', async () => {
    await start({ CALLBACK_RATE_LIMIT_PER_MINUTE: '1' });
    expect([await from('192.0.2.1'), await from('192.0.2.2')]).toEqual([0, 1]);
  });

  it('has the source that the trusted proxies say, whatever stands before it', async () => {
    await start({ CALLBACK_RATE_LIMIT_PER_MINUTE: '1', TRUSTED_PROXY_HOPS: '2' });
    expect(await from('192.0.2.1, 10.0.0.1')).toBe(0);
    expect(await from('forged, 192.0.2.1, 10.0.0.2')).toBe(1);
    expect(await from('192.0.2.2, 10.0.0.1')).toBe(0);
  });

  it('of an IPv6 source is counted by its network', async () => {
    await start({ CALLBACK_RATE_LIMIT_PER_MINUTE: '1', TRUSTED_PROXY_HOPS: '1' });
    expect(await from('2001:db8:1:2::1')).toBe(0);
    expect(await from('2001:db8:1:2:ffff::7')).toBe(1);
    expect(await from('2001:db8:1:3::1')).toBe(0);
  });
});
