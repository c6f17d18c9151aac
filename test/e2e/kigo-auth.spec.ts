import { KigoTokenService } from '../../src/kigo-auth/kigo-token.service.js';
import { KigoHttp } from '../../src/kigo-auth/kigo-http.js';
import { passSeconds, restoreClock } from '../support/clock.js';
import { waitFor } from '../support/wait-for.js';
import { badge, startGateway, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { scale } from '../support/scale.js';

/** More than the 64 that Kigo gets at a time. */
const CALLS = scale(50, 500);

describe('the Kigo token', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld();
    world.kigo.configure({ unknownUser: 'create' });
    passSeconds(0);
  });

  afterEach(async () => {
    restoreClock();
    await world.close();
  });

  const calls = (route: 'login' | 'lookup' | 'summary') => world.kigo.requests(route).length;
  /** Kigo runs in this process, so its clock advances too. */
  const advance = passSeconds;
  let users = 0;
  /** Nothing is cached for a new user. */
  const ask = () => {
    users += 1;
    return world.gateway.get(badge(`user-${users}`));
  };
  const tokensSeen = () =>
    new Set(
      world.kigo
        .requests()
        .filter(({ route }) => route !== 'login')
        .map(({ headers }) => headers['authorization']),
    );

  it('is requested with the partner credentials and sent as a bearer token', async () => {
    await ask();
    const [login, lookup] = world.kigo.requests();
    expect(JSON.parse(login!.body)).toEqual({ partner_id: 'demo-partner', api_key: 'demo-kigo-key' });
    expect(login!.headers['authorization']).toBeUndefined();
    expect(lookup!.headers['authorization']).toMatch(/^Bearer \S+$/);
  });

  it('is used for the first 60 % of its TTL without another login', async () => {
    await ask();
    advance(1800 * 0.59);
    await ask();
    expect(calls('login')).toBe(1);
  });

  it('is refreshed in the background after 80 % of its TTL, and no call waits for the login', async () => {
    await ask();
    advance(1800 * 0.81);
    world.kigo.addFault({ kind: 'hang', route: 'login' });
    const responses = await Promise.all(Array.from({ length: 20 }, ask));
    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    // It may have been tried again by now: it gets no response.
    await waitFor('a second login has started', () => calls('login') >= 2);
    expect(tokensSeen().size).toBe(1);
  });

  it('is replaced by the new one when the background login has succeeded', async () => {
    await ask();
    advance(1800 * 0.81);
    await ask();
    await waitFor('the new token is used', async () => (await ask()).ok && tokensSeen().size === 2);
    expect(calls('login')).toBe(2);
  });

  it('is waited for when it is about to expire', async () => {
    await ask();
    advance(1800 - 30);
    const responses = await Promise.all(Array.from({ length: 20 }, ask));
    expect(responses.every(({ ok }) => ok)).toBe(true);
    expect(calls('login')).toBe(2);
    expect(world.kigo.requests('summary').at(-1)!.headers['authorization']).not.toBe(
      world.kigo.requests('summary')[0]!.headers['authorization'],
    );
  });

  it('stays in use until it expires when every refresh fails', async () => {
    await ask();
    world.kigo.addFault({ kind: 'status', status: 500, route: 'login' });
    for (const share of [0.81, 0.1, 0.07, 0.01]) {
      advance(1800 * share);
      expect((await ask()).status).toBe(200);
    }
    expect(tokensSeen().size).toBe(1);
    advance(1800 * 0.02);
    expect((await ask()).status).toBeGreaterThanOrEqual(502);
  });

  it('expires by a TTL that starts when the login was sent', async () => {
    const slow = await startGateway({
      KIGO_BASE_URL: world.kigo.url,
      KIGO_TOKEN_TTL_SECONDS: '100',
      // The test advances the clock by more during a call.
      KIGO_TIMEOUT_MS: '200000',
      UPSTREAM_DEADLINE_MS: '200000',
    });
    try {
      world.kigo.addFault({ kind: 'slow', route: 'login', delayMs: 1_000, times: 1 });
      const response = slow.get(badge());
      await waitFor('the login has started', () => calls('login') === 1);
      passSeconds(90);
      expect((await response).status).toBe(200);
      passSeconds(8);
      await slow.get(badge('another'));
      expect(calls('login')).toBeGreaterThanOrEqual(2);
    } finally {
      await slow.close();
    }
  });

  it(`is requested once, and each call is sent again once, when ${CALLS} calls are rejected together`, async () => {
    const gateway = await startGateway({
      KIGO_BASE_URL: world.kigo.url,
      KIGO_TIMEOUT_MS: '30000',
      UPSTREAM_DEADLINE_MS: '30000',
    });
    try {
      await gateway.get(badge());
      world.kigo.clearRequests();
      world.kigo.revokeAllTokens();
      const accounts = Array.from({ length: CALLS }, (_, index) => `acc-${index}`);
      for (const account_id of accounts)
        world.kigo.setAccount({ external_user_id: account_id, external_program_id: 'p', account_id });
      // The rejections arrive late, so that all the other calls wait with the same token by then.
      world.kigo.addFault({ kind: 'slow', delayMs: scale(3_000, 8_000), route: 'summary', times: 64 });
      const responses = await Promise.all(
        accounts.map((account) => gateway.get(`/api/v1/accounts/${account}/hub-summary`)),
      );
      expect(responses.filter(({ status }) => status === 200)).toHaveLength(CALLS);
      const urlsWith = (expected: number) =>
        world.kigo
          .requests('summary')
          .filter(({ status }) => status === expected)
          .map(({ url }) => url)
          .toSorted();
      expect(urlsWith(401)).toHaveLength(CALLS);
      expect(new Set(urlsWith(401)).size).toBe(CALLS);
      expect(urlsWith(200)).toEqual(urlsWith(401));
      expect([calls('login'), calls('summary')]).toEqual([1, 2 * CALLS]);
    } finally {
      await gateway.close();
    }
  });

  it('is refreshed while the bulkhead of the other calls is full', async () => {
    const gateway = await startGateway({
      KIGO_BASE_URL: world.kigo.url,
      KIGO_TIMEOUT_MS: '60000',
      UPSTREAM_DEADLINE_MS: '60000',
      SHUTDOWN_GRACE_SECONDS: '1',
    });
    const abort = new AbortController();
    try {
      await gateway.get(badge());
      world.kigo.addFault({ kind: 'hang', route: 'summary' });
      const { axiosRef } = gateway.app.get(KigoHttp, { strict: false });
      const call = (account: number) =>
        axiosRef.get(`/api/v1/accounts/${account}/hub-summary`, {
          operation: 'hub-summary',
          signal: abort.signal,
        });
      const hung = Array.from({ length: 64 }, (_, index) => call(index));
      for (const each of hung) each.catch(() => undefined);
      await waitFor('the bulkhead is full', () => calls('summary') === 1 + 64);
      advance(1800 * 0.99);
      call(64).catch(() => undefined);
      await waitFor('the login has been answered', () => world.kigo.requests('login')[1]?.status === 200, 10);
      expect(calls('summary')).toBe(1 + 64);
    } finally {
      abort.abort();
      await gateway.close();
    }
  });

  it('is requested up to three times when the login fails with a transient error', async () => {
    world.kigo.addFault({ kind: 'status', status: 503, route: 'login', times: 2 });
    expect((await ask()).status).toBe(200);
    expect([calls('login'), calls('lookup')]).toEqual([3, 1]);
  });

  it('is renewed when Kigo answers a retry with 401', async () => {
    await ask();
    world.kigo.clearRequests();
    world.kigo.revokeAllTokens();
    world.kigo.addFault({ kind: 'status', status: 503, route: 'summary', times: 1 });
    expect((await world.gateway.get('/api/v1/accounts/acc-1/hub-summary')).status).toBe(404);
    expect(world.kigo.requests().map(({ route, status }) => [route, status])).toEqual([
      ['summary', 503],
      ['summary', 401],
      ['login', 200],
      ['summary', 404],
    ]);
  });

  it('is kept when a call that was sent with an older token is rejected late', async () => {
    for (const account of ['late', 'early'])
      world.kigo.setAccount({ external_user_id: account, external_program_id: 'p', account_id: account });
    await ask();
    world.kigo.clearRequests();
    world.kigo.revokeAllTokens();
    // The sandbox decides on the response when the call arrives, and delays it.
    world.kigo.addFault({ kind: 'slow', delayMs: 400, account: 'late', times: 1 });
    const late = world.gateway.get('/api/v1/accounts/late/hub-summary');
    await waitFor('Kigo has the late call', () => calls('summary') === 1);
    expect((await world.gateway.get('/api/v1/accounts/early/hub-summary')).status).toBe(200);
    expect((await late).status).toBe(200);
    expect(calls('login')).toBe(1);
  });

  it('is not requested again by every call when its refresh fails', async () => {
    await ask();
    world.kigo.addFault({ kind: 'status', status: 400, route: 'login' });
    advance(1800 * 0.81);
    for (let i = 0; i < 10; i += 1) expect((await ask()).status).toBe(200);
    await waitFor('the refresh has failed', () => calls('login') === 2);
    expect(calls('login')).toBe(2);
  });

  it('is reported as rejected in the problem, the health report and the log when Kigo rejects the API key', async () => {
    world.kigo.configure({ apiKeys: ['another-key'] });
    const problem = (await (await ask()).json()) as { detail: string };
    expect(problem.detail).toContain('rejected the credentials');
    for (let i = 0; i < 10; i += 1) await ask();
    const view = await fetch(`${world.gateway.url}/health/dependencies`);
    expect([view.status, await view.text()]).toEqual([
      503,
      expect.stringContaining('our credentials were rejected'),
    ]);
    const logged = world.gateway.log.filter(({ level }) => level === 'warn' || level === 'error');
    expect(logged.length).toBeLessThanOrEqual(2);
  });

  it('leads to 502 and no further login for 30 s when Kigo rejects it right after a new login', async () => {
    world.kigo.configure({ issueExpiredTokens: true });
    const first = await ask();
    expect(first.status).toBe(502);
    expect(await first.json()).toMatchObject({
      type: 'urn:rewards-gateway:problem:upstream-failed',
      upstream: 'kigo',
    });
    expect([calls('login'), calls('lookup')]).toEqual([2, 2]);
    for (let i = 0; i < 20; i += 1) expect((await ask()).status).toBe(502);
    expect(calls('login')).toBe(2);
    advance(31);
    world.kigo.configure({ issueExpiredTokens: false });
    expect((await ask()).status).toBe(200);
    expect(calls('login')).toBe(3);
  });

  it('leads to no further login for 30 s when Kigo rejects it while its successor is not there yet', async () => {
    const tokens = world.gateway.app.get(KigoTokenService);
    tokens.invalidate(await tokens.get());
    // The rejection of a call that was sent again arrives before the login of another call has begun.
    tokens.blockRenewals();
    const successor = await tokens.get();
    expect(tokens.invalidate(successor)).toBe(false);
    expect(await tokens.get()).toBe(successor);
    advance(31);
    expect(tokens.invalidate(successor)).toBe(true);
  });

  it.each([
    ['a rejection of the API key', { apiKeys: ['another-key'] }],
    ['a rejection of the partner', { partnerDisabled: true }],
    ['a response without a token', { loginToken: 'absent' }],
    ['a null token', { loginToken: 'null' }],
    ['an empty token', { loginToken: 'empty' }],
    ['a token that is a number', { loginToken: 'number' }],
  ] as const)('is requested once in 30 s when Kigo answers with %s', async (_, settings) => {
    world.kigo.configure(settings as Parameters<typeof world.kigo.configure>[0]);
    const responses = await Promise.all(Array.from({ length: 20 }, ask));
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([502]));
    advance(29);
    expect((await ask()).status).toBe(502);
    expect(calls('login')).toBe(1);
    advance(2);
    await ask();
    expect(calls('login')).toBe(2);
  });

  it('is accepted with status 201', async () => {
    world.kigo.configure({ loginStatus: 201 });
    expect((await ask()).status).toBe(200);
  });

  it('is renewed on the first 401 when Kigo revokes it early', async () => {
    world.kigo.configure({ tokenUses: 1 });
    expect((await ask()).status).toBe(200);
    expect([calls('login'), calls('lookup'), calls('summary')]).toEqual([2, 1, 2]);
  });

  it('is still obtained for the other calls when the call that started the login is cancelled', async () => {
    world.kigo.addFault({ kind: 'slow', route: 'login', delayMs: 1_000, times: 1 });
    const http = world.gateway.app.get(KigoHttp, { strict: false });
    const abort = new AbortController();
    const cancelled = http.axiosRef.get('/api/v1/accounts/x/hub-summary', { signal: abort.signal });
    const other = ask();
    await waitFor('the login has started', () => calls('login') === 1);
    abort.abort();
    await expect(cancelled).rejects.toThrow('canceled');
    expect((await other).status).toBe(200);
    expect(calls('login')).toBe(1);
  });

  it('appears in no log line and no response, and neither does the API key', async () => {
    world.kigo.addFault({ kind: 'status', status: 500, route: 'summary', times: 3 });
    const bodies = [await (await ask()).text(), await (await ask()).text()];
    world.kigo.revokeAllTokens();
    bodies.push(await (await ask()).text());
    const everything = bodies.join('\n') + JSON.stringify(world.gateway.log);
    for (const header of tokensSeen())
      expect(everything).not.toContain(String(header).slice('Bearer '.length));
    expect(everything).not.toContain('demo-kigo-key');
    expect(world.gateway.log.length).toBeGreaterThan(2);
  });
});
