import supertest from 'supertest';
import { apiKey, badge, startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import type { Environment } from '../../src/config/read-config.js';
import { Issuer } from '../support/issuer.js';
import { findSeries, scrapeMetrics } from '../support/metrics.js';
import { problemIn } from '../support/problem.js';

let gateway: Gateway;
const start = async (env: Environment = {}) => {
  gateway = await startGateway({ FAILED_CREDENTIALS_PER_MINUTE: undefined, TRUSTED_PROXY_HOPS: '1', ...env });
};
afterEach(() => gateway.close());

/** Nothing listens at the address of Kigo: an accepted credential gets 502 or 503. */
const ask = (key: string, address: string) =>
  supertest(gateway.url)
    .get(badge())
    .set({ authorization: `Bearer ${key}`, 'x-forwarded-for': address });
const statusesOf = async (count: number, address: string, key = 'wrong') => {
  const statuses: number[] = [];
  for (let call = 0; call < count; call += 1) statuses.push((await ask(`${key}-${call}`, address)).status);
  return statuses;
};
const accepted = async (key: string, address: string) =>
  ![401, 403, 429].includes((await ask(key, address)).status);

describe('failed credentials of an address', () => {
  it('are limited after 20 in a minute, with Retry-After', async () => {
    await start();
    expect(await statusesOf(20, '192.0.2.1')).toEqual(Array.from({ length: 20 }, () => 401));
    const limited = await ask('wrong', '192.0.2.1');
    expect(problemIn(limited)).toMatchObject({
      status: 429,
      type: 'urn:rewards-gateway:problem:rate-limited',
      retryable: true,
      retry_after_seconds: expect.any(Number),
    });
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(50);
    expect(Number(limited.headers['retry-after'])).toBeLessThanOrEqual(60);
  });

  it('no longer learn whether a guess is right, while a caller who was there before is served', async () => {
    await start({ API_KEYS: `tester:${apiKey},shop:the-key-of-the-shop` });
    expect(await accepted(apiKey, '192.0.2.1')).toBe(true);
    await statusesOf(20, '192.0.2.1');
    expect((await ask('the-key-of-the-shop', '192.0.2.1')).status).toBe(429);
    expect(await accepted(apiKey, '192.0.2.1')).toBe(true);
    expect(await accepted('the-key-of-the-shop', '192.0.2.2')).toBe(true);
  });

  it('do not count for other addresses, and count together for one IPv6 network', async () => {
    await start();
    await statusesOf(20, '192.0.2.1');
    expect((await ask('wrong', '192.0.2.2')).status).toBe(401);
    for (let host = 0; host < 20; host += 1)
      expect((await ask('wrong', `2001:db8::${host.toString(16)}`)).status).toBe(401);
    expect((await ask('wrong', '2001:db8:0:0:ffff::1')).status).toBe(429);
    expect((await ask('wrong', '2001:db8:0:1::1')).status).toBe(401);
  });

  it('are not those of requests without a credential, or of callers without a scope', async () => {
    await start({ CALLER_SCOPES: '{"tester":[]}' });
    for (let call = 0; call < 30; call += 1) {
      expect((await supertest(gateway.url).get(badge()).set('x-forwarded-for', '192.0.2.1')).status).toBe(
        401,
      );
      expect((await ask(apiKey, '192.0.2.1')).status).toBe(403);
    }
  });

  it('are counted, and logged once when the limit is reached, without the credential', async () => {
    await start({ FAILED_CREDENTIALS_PER_MINUTE: '3' });
    await statusesOf(5, '192.0.2.1', 'canary');
    await statusesOf(2, '192.0.2.2', 'canary');
    const series = findSeries(await scrapeMetrics(gateway), 'rewards_gateway_failed_credentials_total');
    expect(series).toEqual({ '{outcome="rejected"}': 5, '{outcome="limited"}': 2 });
    expect(gateway.log.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({ msg: 'failed credentials are limited for a minute', address: '192.0.2.1' }),
    ]);
    expect(JSON.stringify(gateway.log)).not.toContain('canary');
  });

  it('are those of the connection at the management port, which has no proxy', async () => {
    await start({ MANAGEMENT_PORT: '0', FAILED_CREDENTIALS_PER_MINUTE: '2' });
    const statuses: number[] = [];
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      const headers = { authorization: 'Bearer wrong', 'x-forwarded-for': address };
      statuses.push(
        (await fetch(`${gateway.urls.management}/console/api/v1/kiip/issuances`, { headers })).status,
      );
    }
    expect(statuses).toEqual([401, 401, 429]);
  });

  it('are limited for tokens as well', async () => {
    const issuer = await Issuer.start();
    await start({ ...issuer.environment, FAILED_CREDENTIALS_PER_MINUTE: '2' });
    expect(await accepted(issuer.token(), '192.0.2.1')).toBe(true);
    expect(await statusesOf(4, '192.0.2.1')).toEqual([401, 401, 429, 429]);
    expect(await accepted(issuer.token(), '192.0.2.1')).toBe(true);
    await issuer.close();
  });
});
