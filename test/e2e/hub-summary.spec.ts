import { badge, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';

describe('Kigo routes', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld();
    world.kigo.setAccount({
      external_user_id: 'user123',
      external_program_id: 'program456',
      account_id: 'acc-1',
    });
  });

  afterEach(() => world.close());

  const user = { external_user_id: 'user123', external_program_id: 'program456' };
  const unknownUser = { external_user_id: 'unknownUser', external_program_id: 'program456' };
  const routes = () => world.kigo.requests().map(({ route }) => route);

  it('return the account id as a string', async () => {
    const response = await world.gateway.get(
      '/api/v1/accounts?external_user_id=user123&external_program_id=program456',
    );
    expect([response.status, await response.json()]).toEqual([200, { account_id: 'acc-1' }]);
    expect(response.headers.get('cache-status')).toBe('rewards-gateway; fwd=miss');
  });

  it('return the hub summary of an account with the time of the request to Kigo', async () => {
    const before = Date.now();
    const response = await world.gateway.get('/api/v1/accounts/acc-1/hub-summary');
    const body = (await response.json()) as Record<string, unknown>;
    expect(body).toEqual({
      account_id: 'acc-1',
      unviewed_products: 12,
      total_tokens: 34,
      as_of: body['as_of'],
      stale: false,
    });
    expect(Date.parse(body['as_of'] as string)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(body['as_of'] as string)).toBeLessThanOrEqual(Date.now());
  });

  it('share the cache: the count comes from a cached summary', async () => {
    await world.gateway.get('/api/v1/accounts/acc-1/hub-summary');
    await world.gateway.get(badge());
    expect(routes()).toEqual(['login', 'summary', 'lookup']);
  });

  it.each([
    ['an unknown user', badge('unknownUser')],
    ['an unknown program', badge('user123', 'nowhere')],
    ['a program of another partner', badge('user123', 'program-of-another')],
    ['an unknown account', '/api/v1/accounts/nobody/hub-summary'],
  ])('return 404 for %s and cache it', async (_, path) => {
    const first = await world.gateway.get(path);
    expect(first.status).toBe(404);
    expect(await first.json()).toMatchObject({
      type: 'urn:rewards-gateway:problem:account-not-found',
      status: 404,
    });
    const calls = routes().length;
    const again = await world.gateway.get(path);
    expect(again.status).toBe(404);
    expect(again.headers.get('cache-status')).toBe('rewards-gateway; hit');
    expect(routes()).toHaveLength(calls);
  });

  it('answer HEAD like GET but without a body', async () => {
    const response = await fetch(world.gateway.url + badge(), {
      method: 'HEAD',
      headers: { authorization: 'Bearer test-api-key-0001' },
    });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  const ask = (users: object[], headers?: Record<string, string>) =>
    world.gateway.post('/api/v1/unviewed-counts', { users }, headers);

  describe('POST /api/v1/unviewed-counts', () => {
    it('returns results in the order of the request, with a problem for each failed user', async () => {
      world.kigo.setAccount({ external_user_id: 'broken', external_program_id: 'p', account_id: 'acc-b' });
      world.kigo.addFault({ kind: 'html', account: 'acc-b' });
      const broken = { external_user_id: 'broken', external_program_id: 'p' };
      const response = await ask([unknownUser, user, broken, user]);
      expect(response.status).toBe(200);
      const { results } = (await response.json()) as { results: Record<string, unknown>[] };
      expect(results).toEqual([
        {
          ...unknownUser,
          problem: expect.objectContaining({ type: 'urn:rewards-gateway:problem:account-not-found' }),
        },
        { ...user, count: 12 },
        {
          ...broken,
          problem: expect.objectContaining({
            type: 'urn:rewards-gateway:problem:upstream-failed',
            status: 502,
          }),
        },
        { ...user, count: 12 },
      ]);
    });

    it('asks Kigo once for a user that is listed 100 times', async () => {
      const response = await ask(Array.from({ length: 100 }, () => user));
      expect(((await response.json()) as { results: object[] }).results).toHaveLength(100);
      expect(routes()).toEqual(['login', 'lookup', 'summary']);
    });

    it('sends the worst cache status of all results', async () => {
      await world.gateway.get(badge());
      const warm = await ask([user]);
      expect(warm.headers.get('cache-status')).toBe('rewards-gateway; hit');
      expect(Number(/max-age=(\d+)/.exec(warm.headers.get('cache-control')!)![1])).toBeGreaterThan(200);
      const mixed = await ask([user, unknownUser]);
      expect(mixed.headers.get('cache-status')).toBe('rewards-gateway; fwd=miss');
    });

    it('sends max-age=0 when one user failed', async () => {
      world.kigo.addFault({ kind: 'html', user: 'unknownUser' });
      expect((await ask([user, unknownUser])).headers.get('cache-control')).toBe('private, max-age=0');
    });

    it('bypasses the cache with no-cache', async () => {
      await ask([user]);
      world.kigo.setAccount({ ...user, unviewed_products: 3 });
      const { results } = (await (await ask([user], { 'cache-control': 'no-cache' })).json()) as {
        results: object[];
      };
      expect(results).toEqual([{ ...user, count: 3 }]);
    });
  });
});

describe('a cached account id that Kigo no longer knows', () => {
  let world: World;

  beforeEach(async () => {
    // Summaries expire at once; account ids stay cached.
    world = await startWorld({ HUB_SUMMARY_TTL_SECONDS: '0.001', HUB_SUMMARY_STALE_SECONDS: '0.001' });
    world.kigo.setAccount({
      external_user_id: 'user123',
      external_program_id: 'program456',
      account_id: 'acc-1',
    });
    await world.gateway.get(badge());
    world.kigo.clearRequests();
  });

  afterEach(() => world.close());

  const calls = () => world.kigo.requests().map(({ route, status }) => `${route} ${status}`);

  it('is looked up again and replaced by the new account', async () => {
    world.kigo.removeAccount({ external_user_id: 'user123', external_program_id: 'program456' });
    world.kigo.setAccount({
      external_user_id: 'user123',
      external_program_id: 'program456',
      account_id: 'acc-2',
      unviewed_products: 7,
    });
    const response = await world.gateway.get(badge());
    expect(await response.json()).toEqual({ count: 7 });
    expect(calls()).toEqual(['summary 404', 'lookup 200', 'summary 200']);
  });

  it('is looked up again and then reported as 404', async () => {
    world.kigo.removeAccount({ external_user_id: 'user123', external_program_id: 'program456' });
    expect((await world.gateway.get(badge())).status).toBe(404);
    expect(calls()).toEqual(['summary 404', 'lookup 404']);
    expect((await world.gateway.get(badge())).status).toBe(404);
    expect(calls()).toHaveLength(2);
  });

  it('is reported as 404 when the lookup still returns it', async () => {
    world.kigo.addFault({ kind: 'status', status: 404, route: 'summary' });
    expect((await world.gateway.get(badge())).status).toBe(404);
    expect(calls()).toEqual(['summary 404', 'lookup 200']);
    expect((await world.gateway.get(badge())).status).toBe(404);
    expect(calls()).toHaveLength(2);
  });
});
