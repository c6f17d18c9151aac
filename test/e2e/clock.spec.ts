import { passSeconds, restoreClock, setClock } from '../support/clock.js';
import { badge, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { Issuer, signingKey } from '../support/issuer.js';
import type { Environment } from '../../src/config/read-config.js';

/** Less than the time for which the simulated Kigo, whose clock it is as well, accepts a token. */
const STEP_SECONDS = 20 * 60;

describe.each([
  ['put back', -STEP_SECONDS],
  ['put forward', STEP_SECONDS],
])('while the clock of the machine is %s by 20 minutes', (_, step) => {
  let world: World;
  const start = async (env: Environment) => (world = await startWorld(env));

  afterEach(async () => {
    restoreClock();
    await world.close();
  });

  it('the rate limit has the same window', async () => {
    await start({ RATE_LIMIT_PER_MINUTE: '1' });
    expect((await world.gateway.get(badge())).status).toBe(200);
    setClock(step);
    const limited = await world.gateway.get(badge());
    expect(limited.status).toBe(429);
    expect(Number(limited.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    passSeconds(61);
    expect((await world.gateway.get(badge())).status).toBe(200);
  });

  it('a circuit breaker is open for as long', async () => {
    await start({});
    world.kigo.addFault({ kind: 'status', status: 500, route: 'lookup' });
    let response = await world.gateway.get(badge('user-0'));
    for (let user = 1; response.status !== 503; user += 1)
      response = await world.gateway.get(badge(`user-${user}`));
    world.kigo.clearFaults();
    setClock(step);
    const rejected = await world.gateway.get(badge());
    expect(rejected.status).toBe(503);
    expect(Number(rejected.headers.get('retry-after'))).toBeLessThanOrEqual(5);
    passSeconds(6);
    expect((await world.gateway.get(badge())).status).toBe(200);
  });

  it('a cached response is fresh for as long', async () => {
    await start({ HUB_SUMMARY_TTL_SECONDS: '30' });
    await world.gateway.get(badge());
    passSeconds(2);
    setClock(step);
    const hit = await world.gateway.get(badge());
    expect([hit.headers.get('cache-status'), hit.headers.get('age')]).toEqual(['rewards-gateway; hit', '2']);
    expect(Number(/max-age=(\d+)/.exec(hit.headers.get('cache-control')!)![1])).toBeLessThanOrEqual(28);
    passSeconds(31);
    const expired = await world.gateway.get(badge());
    expect(expired.headers.get('age')).toBe('0');
    expect(world.kigo.requests('summary')).toHaveLength(2);
  });

  it('a Kigo token is used for as long', async () => {
    await start({ KIGO_TOKEN_TTL_SECONDS: '1000' });
    await world.gateway.get(badge('user-1'));
    passSeconds(500);
    setClock(step);
    await world.gateway.get(badge('user-2'));
    expect(world.kigo.requests('login')).toHaveLength(1);
    passSeconds(1_001);
    await world.gateway.get(badge('user-3'));
    expect(world.kigo.requests('login')).toHaveLength(2);
  });

  it('new keys of a token issuer are fetched as soon', async () => {
    const issuer = await Issuer.start();
    await start(issuer.environment);
    const ask = () => {
      // The token is valid by the clock of the machine.
      const now = Math.floor(Date.now() / 1000);
      const token = issuer.token({ iat: now, exp: now + 60, nbf: undefined });
      return world.gateway.get(badge(), { authorization: `Bearer ${token}` });
    };
    expect((await ask()).status).toBe(200);
    issuer.keys = [signingKey('ES256', 'another')];
    passSeconds(11);
    setClock(step);
    expect((await ask()).status).toBe(200);
    await issuer.close();
  });
});
