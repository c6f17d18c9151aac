import { passSeconds, restoreClock } from '../support/clock.js';
import { badge, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';

const ids = { external_user_id: 'user123', external_program_id: 'program456' };
const noCache = { 'cache-control': 'no-cache' };

describe('cached responses', () => {
  let world: World;

  afterEach(async () => {
    restoreClock();
    await world.close();
  });

  const calls = () => world.kigo.requests().map(({ route }) => route);

  /** Requests the hub summary of the demo account, which is one cache entry. */
  async function summary(headers?: Record<string, string>): Promise<Response> {
    const accountId = String(world.kigo.setAccount(ids).account_id);
    return world.gateway.get(`/api/v1/accounts/${accountId}/hub-summary`, headers);
  }

  async function count(headers?: Record<string, string>): Promise<unknown> {
    return (await world.gateway.get(badge(), headers)).json();
  }

  describe('while fresh', () => {
    beforeEach(async () => {
      // The token lives much longer than the summaries, so that no login happens in between.
      world = await startWorld({
        HUB_SUMMARY_TTL_SECONDS: '1000',
        KIGO_TOKEN_TTL_SECONDS: '7200',
        // A busy machine may take seconds for many calls at once, and a retry would count as a second call.
        KIGO_TIMEOUT_MS: '10000',
      });
      world.kigo.configure({ unknownUser: 'create' });
    });

    it('carry their age and their remaining lifetime', async () => {
      const first = await summary();
      expect(first.headers.get('cache-status')).toBe('rewards-gateway; fwd=miss');
      expect(first.headers.get('age')).toBe('0');
      const fresh = maxAge(first);

      passSeconds(100);
      const second = await summary();
      expect(second.headers.get('cache-status')).toBe('rewards-gateway; hit');
      expect(Number(second.headers.get('age'))).toBeGreaterThanOrEqual(100);
      expect(Number(second.headers.get('age'))).toBeLessThan(110);
      expect(fresh - maxAge(second)).toBeGreaterThanOrEqual(100);
      expect(fresh - maxAge(second)).toBeLessThan(110);
      const { as_of, stale } = (await second.json()) as { as_of: string; stale: boolean };
      expect(stale).toBe(false);
      expect(as_of).toBe(((await first.json()) as { as_of: string }).as_of);
      expect(calls()).toEqual(['login', 'summary']);
    });

    it('have at most the configured lifetime, up to 10 % less, which differs between keys and stays the same for one key', async () => {
      const lives = async () => {
        const responses = Array.from({ length: 100 }, (_, index) =>
          world.gateway.get(`/api/v1/accounts/acc-${index}/hub-summary`),
        );
        return (await Promise.all(responses)).map(maxAge);
      };
      for (let index = 0; index < 100; index += 1)
        world.kigo.setAccount({
          ...ids,
          external_user_id: `user-${index}`,
          account_id: `acc-${index}`,
        });
      passSeconds(0);
      const first = await lives();
      expect(Math.min(...first)).toBeGreaterThanOrEqual(900);
      expect(Math.min(...first)).toBeLessThan(920);
      expect(Math.max(...first)).toBeLessThanOrEqual(1_000);
      expect(Math.max(...first)).toBeGreaterThan(990);
      expect(new Set(first).size).toBeGreaterThan(50);

      // All of them have expired and are requested again.
      passSeconds(10_000);
      expect(await lives()).toEqual(first);
      expect(world.kigo.requests('summary')).toHaveLength(200);
    });

    it('are refreshed in the last fifth of their lifetime, without delaying the caller', async () => {
      const { kigo } = world;
      const fresh = maxAge(await summary());
      kigo.clearRequests();
      passSeconds(0.79 * fresh);
      await summary();
      expect(calls()).toEqual([]);

      passSeconds(0.16 * fresh);
      // The refresh is slow, so a caller that waited for it would time out.
      kigo.setAccount({ ...ids, unviewed_products: 99 });
      kigo.addFault({ kind: 'slow', delayMs: 2_000, route: 'summary', times: 1 });
      const during = await Promise.all(Array.from({ length: 20 }, () => summary()));
      for (const response of during) {
        expect(response.headers.get('cache-status')).toBe('rewards-gateway; hit');
        expect(await response.json()).toMatchObject({ unviewed_products: 12, stale: false });
      }
      await waitFor('the refreshed value is served', async () => {
        const after = (await (await summary()).json()) as { unviewed_products: number };
        return after.unviewed_products === 99;
      });
      expect(calls()).toEqual(['summary']);
      expect((await summary()).headers.get('age')).toBe('0');
    });

    it('are still served after a failed refresh', async () => {
      const { kigo } = world;
      const fresh = maxAge(await summary());
      kigo.addFault({ kind: 'status', status: 400, route: 'summary', times: 1 });
      kigo.clearRequests();
      passSeconds(0.95 * fresh);
      expect((await summary()).headers.get('cache-status')).toBe('rewards-gateway; hit');
      await waitFor('the refresh has failed', () => kigo.requests()[0]?.status === 400);
      expect(await (await summary()).json()).toMatchObject({ unviewed_products: 12, stale: false });
    });

    it('cause one call when 50 callers request an expired value at once', async () => {
      const { kigo } = world;
      await summary();
      passSeconds(1_101);
      kigo.clearRequests();
      // Slow enough for all 50 requests to arrive, even on a busy machine.
      kigo.addFault({ kind: 'slow', delayMs: 1_500, route: 'summary' });
      const responses = await Promise.all(Array.from({ length: 50 }, () => summary()));
      const statuses = responses.map(({ headers }) => headers.get('cache-status'));
      expect(statuses).toContain('rewards-gateway; fwd=stale');
      for (const response of responses) expect(response.status).toBe(200);
      expect(calls()).toEqual(['summary']);
    });

    it('are bypassed with no-cache, and a failure of that request is an error', async () => {
      const { kigo } = world;
      expect(await count()).toEqual({ count: 12 });
      kigo.setAccount({ ...ids, unviewed_products: 13 });
      expect(await count()).toEqual({ count: 12 });
      kigo.clearRequests();

      const asked = await world.gateway.get(badge(), noCache);
      expect(await asked.json()).toEqual({ count: 13 });
      expect(asked.headers.get('cache-status')).toBe('rewards-gateway; fwd=request');
      expect(calls()).toEqual(['lookup', 'summary']);
      // And everybody else has the new one.
      expect(await count()).toEqual({ count: 13 });

      kigo.addFault({ kind: 'status', status: 400, route: 'summary' });
      expect((await world.gateway.get(badge(), noCache)).status).toBe(502);
      expect(await count()).toEqual({ count: 13 });
    });
  });

  describe('while Kigo fails', () => {
    beforeEach(async () => {
      world = await startWorld({
        HUB_SUMMARY_TTL_SECONDS: '100',
        HUB_SUMMARY_STALE_SECONDS: '1000',
        // Of no use to a test that fails on purpose.
        UPSTREAM_DEADLINE_MS: '1000',
      });
    });

    it.each([
      ['answers 500', { kind: 'status', status: 500 }],
      ['answers 400', { kind: 'status', status: 400 }],
      ['answers 429', { kind: 'rate-limited', retryAfter: 60 }],
      ['breaks the connection', { kind: 'reset' }],
      ['does not answer', { kind: 'hang' }],
      ['answers nonsense', { kind: 'html' }],
    ] as const)('are served stale, and marked as stale, when Kigo %s', async (_, fault) => {
      const { kigo } = world;
      const fresh = maxAge(await summary());
      kigo.addFault({ ...fault, route: 'summary' });
      passSeconds(fresh + 2);
      const response = await summary();

      expect(response.status).toBe(200);
      expect(response.headers.get('cache-status')).toBe('rewards-gateway; hit; detail=stale-if-error');
      expect(response.headers.get('cache-control')).toBe('private, max-age=0');
      expect(Number(response.headers.get('age'))).toBeGreaterThanOrEqual(fresh + 2);
      expect(await response.json()).toMatchObject({ unviewed_products: 12, stale: true });
      const one = await world.gateway.get(badge());
      expect(await one.json()).toEqual({ count: 12 });
      expect(one.headers.get('cache-status')).toBe('rewards-gateway; hit; detail=stale-if-error');

      // Fresh values are served again once Kigo responds. 125 s is longer than the circuit breaker stays open.
      passSeconds(125);
      kigo.clearFaults();
      await waitFor('the response is fresh', async () => {
        const { stale } = (await (await summary()).json()) as { stale: boolean };
        return !stale;
      });
    });

    it('are served stale for HUB_SUMMARY_STALE_SECONDS and no longer', async () => {
      const { kigo } = world;
      const fresh = maxAge(await summary());
      kigo.addFault({ kind: 'status', status: 400, route: 'summary' });
      passSeconds(fresh + 998);
      expect((await summary()).status).toBe(200);
      passSeconds(4);
      const response = await summary();
      expect(response.status).toBe(502);
      expect(await response.json()).toMatchObject({ type: 'urn:rewards-gateway:problem:upstream-failed' });
    });

    it('are served stale to callers that wait for a refresh in flight', async () => {
      const { kigo } = world;
      const fresh = maxAge(await summary());
      kigo.addFault({ kind: 'hang', route: 'summary' });
      passSeconds(0.95 * fresh);
      kigo.clearRequests();
      await summary();
      await waitFor('the refresh hangs', () => calls().length === 1);
      passSeconds(0.1 * fresh);
      const responses = await Promise.all(Array.from({ length: 20 }, () => summary()));
      for (const response of responses)
        expect(await response.json()).toMatchObject({ unviewed_products: 12, stale: true });
      expect(kigo.maxConcurrent('summary')).toBe(1);
    });

    it('do not hide that the account was removed', async () => {
      const { kigo } = world;
      const fresh = maxAge(await summary());
      const path = `/api/v1/accounts/${String(kigo.setAccount(ids).account_id)}/hub-summary`;
      kigo.removeAccount(ids);
      passSeconds(fresh + 2);
      const response = await world.gateway.get(path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ type: 'urn:rewards-gateway:problem:account-not-found' });
      // The 404 is the latest result: no older value is served when Kigo fails after it.
      kigo.addFault({ kind: 'status', status: 400 });
      passSeconds(100);
      expect((await world.gateway.get(path)).status).toBe(502);
    });
  });

  describe('for an unknown account', () => {
    const unknown = { external_user_id: 'nobody', external_program_id: 'program456' };
    const account = (headers?: Record<string, string>) =>
      world.gateway.get(`/api/v1/accounts?${String(new URLSearchParams(unknown))}`, headers);

    beforeEach(async () => {
      world = await startWorld({ NOT_FOUND_TTL_SECONDS: '60' });
    });

    it('are cached for NOT_FOUND_TTL_SECONDS and then replaced by the new account', async () => {
      const { kigo } = world;
      const first = await account();
      expect(first.status).toBe(404);
      const fresh = maxAge(first);
      expect(fresh).toBeGreaterThanOrEqual(53);
      expect(fresh).toBeLessThanOrEqual(66);
      kigo.setAccount({ ...unknown, account_id: 'acc-new' });
      passSeconds(0.75 * fresh);
      const again = await account();
      expect(again.status).toBe(404);
      expect(again.headers.get('cache-status')).toBe('rewards-gateway; hit');
      expect(calls()).toEqual(['login', 'lookup']);

      passSeconds(0.25 * fresh + 2);
      expect(await (await account()).json()).toEqual({ account_id: 'acc-new' });
    });

    it('are bypassed with no-cache', async () => {
      const { kigo } = world;
      expect((await account()).status).toBe(404);
      kigo.setAccount({ ...unknown, account_id: 'acc-new' });
      expect(await (await account(noCache)).json()).toEqual({ account_id: 'acc-new' });
      expect(await (await account()).json()).toEqual({ account_id: 'acc-new' });
      expect(calls()).toEqual(['login', 'lookup', 'lookup']);
    });

    it('are not served stale', async () => {
      const fresh = maxAge(await account());
      world.kigo.addFault({ kind: 'status', status: 400, route: 'lookup' });
      passSeconds(fresh + 2);
      expect((await account()).status).toBe(502);
    });
  });

  it('support lifetimes below one second', async () => {
    world = await startWorld({ HUB_SUMMARY_TTL_SECONDS: '0.05', ACCOUNT_TTL_SECONDS: '0.05' });
    expect(await count()).toEqual({ count: 12 });
    world.kigo.setAccount({ ...ids, unviewed_products: 13 });
    await waitFor('the new count is served', async () => ((await count()) as { count: number }).count === 13);
  });
});

function maxAge(response: Response): number {
  return Number(/max-age=(\d+)/.exec(response.headers.get('cache-control') ?? '')?.[1]);
}
