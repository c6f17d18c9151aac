import { badge, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';

describe('the Kigo routes', () => {
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
  const stranger = { external_user_id: 'stranger', external_program_id: 'program456' };
  const routes = () => world.kigo.requests().map(({ route }) => route);

  it('answer the account id as text', async () => {
    const response = await world.gateway.get(
      '/api/v1/accounts?external_user_id=user123&external_program_id=program456',
    );
    expect([response.status, await response.json()]).toEqual([200, { account_id: 'acc-1' }]);
    expect(response.headers.get('cache-status')).toBe('rewards-gateway; fwd=miss');
  });

  it('answer the whole summary of an account, and when it was true', async () => {
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

  it('share what they know: a summary that is cached serves the badge', async () => {
    await world.gateway.get('/api/v1/accounts/acc-1/hub-summary');
    await world.gateway.get(badge());
    expect(routes()).toEqual(['login', 'summary', 'lookup']);
  });

  it.each([
    ['an unknown user', badge('stranger')],
    ['an unknown program', badge('user123', 'nowhere')],
    ['a program of another partner', badge('user123', 'program-of-another')],
    ['an unknown account', '/api/v1/accounts/nobody/hub-summary'],
  ])('answer 404 for %s, and remember it', async (_, path) => {
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

  it('answer HEAD like GET, without a body', async () => {
    const response = await fetch(world.gateway.url + badge(), {
      method: 'HEAD',
      headers: { authorization: 'Bearer test-api-key-0001' },
    });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  const ask = (users: object[], headers?: Record<string, string>) =>
    world.gateway.post('/api/v1/unviewed-counts', { users }, headers);

  describe('for many users', () => {
    it('answer in the order of the request, each user for itself', async () => {
      world.kigo.setAccount({ external_user_id: 'broken', external_program_id: 'p', account_id: 'acc-b' });
      world.kigo.addFault({ kind: 'html', account: 'acc-b' });
      const broken = { external_user_id: 'broken', external_program_id: 'p' };
      const response = await ask([stranger, user, broken, user]);
      expect(response.status).toBe(200);
      const { results } = (await response.json()) as { results: Record<string, unknown>[] };
      expect(results).toEqual([
        {
          ...stranger,
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

    it('ask Kigo once for a user who is named a hundred times', async () => {
      const response = await ask(Array.from({ length: 100 }, () => user));
      expect(((await response.json()) as { results: object[] }).results).toHaveLength(100);
      expect(routes()).toEqual(['login', 'lookup', 'summary']);
    });

    it('tell of the cache what is true of the whole answer', async () => {
      await world.gateway.get(badge());
      const warm = await ask([user]);
      expect(warm.headers.get('cache-status')).toBe('rewards-gateway; hit');
      expect(Number(/max-age=(\d+)/.exec(warm.headers.get('cache-control')!)![1])).toBeGreaterThan(200);
      const mixed = await ask([user, stranger]);
      expect(mixed.headers.get('cache-status')).toBe('rewards-gateway; fwd=miss');
    });

    it('are fresh for no second when one of them failed', async () => {
      world.kigo.addFault({ kind: 'html', user: 'stranger' });
      expect((await ask([user, stranger])).headers.get('cache-control')).toBe('private, max-age=0');
    });

    it('ask Kigo again when the caller says no-cache', async () => {
      await ask([user]);
      world.kigo.setAccount({ ...user, unviewed_products: 3 });
      const { results } = (await (await ask([user], { 'cache-control': 'no-cache' })).json()) as {
        results: object[];
      };
      expect(results).toEqual([{ ...user, count: 3 }]);
    });
  });
});

describe('an account id that Kigo has forgotten', () => {
  let world: World;

  beforeEach(async () => {
    // Summaries are not remembered, account ids are.
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

  it('is looked up once more, and the summary comes from the new account', async () => {
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

  it('is looked up once more, and then reported', async () => {
    world.kigo.removeAccount({ external_user_id: 'user123', external_program_id: 'program456' });
    expect((await world.gateway.get(badge())).status).toBe(404);
    expect(calls()).toEqual(['summary 404', 'lookup 404']);
    expect((await world.gateway.get(badge())).status).toBe(404);
    expect(calls()).toHaveLength(2);
  });

  it('is looked up once more, and then reported, when the look-up still names it', async () => {
    world.kigo.addFault({ kind: 'status', status: 404, route: 'summary' });
    expect((await world.gateway.get(badge())).status).toBe(404);
    expect(calls()).toEqual(['summary 404', 'lookup 200']);
    expect((await world.gateway.get(badge())).status).toBe(404);
    expect(calls()).toHaveLength(2);
  });
});
