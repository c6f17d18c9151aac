import { KigoHttp } from '../../src/kigo-auth/kigo-http.js';
import type { FaultRule } from '@rewards-gateway/sandbox';
import type { UpstreamError } from '../../src/upstream/upstream-error.js';
import { passSeconds, restoreClock } from '../support/clock.js';
import { until } from '../support/wait-for.js';
import { badge, startGateway, startWorld } from '../support/gateway.js';
import type { Gateway, World } from '../support/gateway.js';

const summary = { route: 'summary' } as const;

describe('a call to Kigo', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld();
  });

  afterEach(() => world.close());

  const summaries = () => world.kigo.requests('summary').length;

  describe.each<[string, FaultRule]>([
    ['a reset connection', { ...summary, kind: 'reset', times: 2 }],
    ['a reset within the body', { ...summary, kind: 'reset-after-headers', times: 2 }],
    ['a connection closed within the body', { ...summary, kind: 'cut-off', times: 2 }],
    ...[408, 429, 500, 502, 503, 504].map((status): [string, FaultRule] => [
      `status ${status}`,
      { ...summary, kind: 'status', status, times: 2 },
    ]),
  ])('after %s', (_, fault) => {
    it('is tried again, up to three attempts', async () => {
      world.kigo.addFault(fault);
      const response = await world.gateway.get(badge());
      expect([response.status, await response.json()]).toEqual([200, { count: 12 }]);
      expect(summaries()).toBe(3);
    });
  });

  it.each([400, 403, 404, 409, 410, 422, 501])('that is answered %i is not tried again', async (status) => {
    world.kigo.addFault({ ...summary, kind: 'status', status });
    const response = await world.gateway.get(badge());
    expect(response.status).toBe(status === 404 ? 404 : 502);
    expect(summaries()).toBe(1);
  });

  it('waits between attempts, up to 100 ms and then up to 200 ms', async () => {
    world.kigo.addFault({ ...summary, kind: 'status', status: 500 });
    await world.gateway.get(badge());
    const waits = world.gateway.log
      .filter(({ msg }) => msg === 'retrying upstream call')
      .map(({ waitMs }) => Number(waitMs));
    expect(waits).toHaveLength(2);
    expect(Math.min(...waits)).toBeGreaterThan(0);
    expect(waits[0]).toBeLessThanOrEqual(100);
    expect(waits[1]).toBeLessThanOrEqual(200);
  });

  it.each([
    ['seconds', () => '1'],
    ['a date', () => new Date(Date.now() + 2_000).toUTCString()],
  ])('obeys Retry-After in %s', async (_, header) => {
    world.kigo.addFault({ ...summary, kind: 'unavailable', retryAfter: header(), times: 1 });
    expect((await world.gateway.get(badge())).status).toBe(200);
    const [first, second] = world.kigo.requests('summary');
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(990);
  });

  it.each(['3600', '99999999999', 'Fri, 31 Dec 2199 23:59:59 GMT'])(
    'is given up at once when Retry-After is %s: it does not fit',
    async (retryAfter) => {
      world.kigo.addFault({ ...summary, kind: 'rate-limited', retryAfter });
      const response = await world.gateway.get(badge());
      expect(response.status).toBe(503);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(await response.json()).toMatchObject({
        type: 'urn:rewards-gateway:problem:upstream-busy',
        retryable: true,
      });
      expect(summaries()).toBe(retryAfter === '99999999999' ? 3 : 1);
    },
  );

  it.each(['', 'soon', '-1', '1.5', 'Wed, 99 Foo 2020'])(
    'ignores a Retry-After of "%s"',
    async (retryAfter) => {
      world.kigo.addFault({ ...summary, kind: 'unavailable', retryAfter, times: 1 });
      expect((await world.gateway.get(badge())).status).toBe(200);
      expect(summaries()).toBe(2);
    },
  );

  const unusable: [string, FaultRule][] = [
    ['HTML with 200', { ...summary, kind: 'html' }],
    ['truncated JSON', { ...summary, kind: 'truncated' }],
    ['an empty body', { ...summary, kind: 'empty' }],
    ['a body over 1 MiB', { ...summary, kind: 'big-body' }],
    ['a small gzip of a body over 1 MiB', { ...summary, kind: 'gzip-bomb' }],
    ['broken gzip', { ...summary, kind: 'broken-gzip' }],
    ['a redirect', { ...summary, kind: 'redirect', location: 'http://127.0.0.1:1/', status: 301 }],
    [
      'a redirect that keeps the method',
      { ...summary, kind: 'redirect', location: '/api/v1/accounts', status: 308 },
    ],
    ['a list', { ...summary, kind: 'json', body: [] }],
    ['null', { ...summary, kind: 'json', body: null }],
    ['a missing count', { ...summary, kind: 'missing-fields', fields: ['unviewed_products'] }],
    ['a missing total', { ...summary, kind: 'missing-fields', fields: ['total_tokens'] }],
    ...[null, -1, 1.5, '12', true, [], {}, 2 ** 53].map((count): [string, FaultRule] => [
      `a count of ${JSON.stringify(count)}`,
      { ...summary, kind: 'extra-fields', fields: { unviewed_products: count } },
    ]),
    ['a look-up without an id', { route: 'lookup', kind: 'missing-fields', fields: ['account_id'] }],
    ...[null, '', 1.5, -1, true, {}, '..', '.', 'a\nb', 'x'.repeat(257)].map((id): [string, FaultRule] => [
      `an account id of ${JSON.stringify(id).slice(0, 20)}`,
      { route: 'lookup', kind: 'extra-fields', fields: { account_id: id } },
    ]),
  ];

  it.each(unusable)('that brings %s is 502, once, and is not cached', async (_, fault) => {
    world.kigo.addFault(fault);
    const response = await world.gateway.get(badge());
    expect(response.status).toBe(502);
    const body = (await response.json()) as Record<string, unknown>;
    expect(body).toMatchObject({
      type: 'urn:rewards-gateway:problem:upstream-failed',
      upstream: 'kigo',
      retryable: false,
    });
    expect(world.kigo.requests(fault.route as 'summary')).toHaveLength(1);

    world.kigo.clearFaults();
    const again = await world.gateway.get(badge());
    expect([again.status, await again.json()]).toEqual([200, { count: 12 }]);
  });

  it.each<[string, FaultRule]>([
    ['unknown members', { ...summary, kind: 'extra-fields' }],
    ['gzip', { ...summary, kind: 'gzip' }],
    ['a body in small pieces', { ...summary, kind: 'dribble', delayMs: 1, chunkBytes: 5 }],
    ['a late body', { ...summary, kind: 'slow-body', delayMs: 30 }],
    ['its JSON as HTML', { kind: 'wrong-content-type' }],
    ['its JSON as something else', { kind: 'wrong-content-type', contentType: 'text/plain;charset=utf-16' }],
  ])('that brings %s is as good as any', async (_, fault) => {
    world.kigo.addFault(fault);
    const response = await world.gateway.get(badge());
    expect([response.status, await response.json()]).toEqual([200, { count: 12 }]);
  });

  it('takes counts beyond 32 bits', async () => {
    world.kigo.addFault({ ...summary, kind: 'extra-fields', fields: { unviewed_products: 2 ** 40 } });
    expect(await (await world.gateway.get(badge())).json()).toEqual({ count: 2 ** 40 });
  });

  it('takes account ids that are numbers, and answers them as text', async () => {
    world.kigo.addFault({
      route: 'lookup',
      kind: 'status',
      status: 200,
      body: '{"account_id": 12345678901234567890}',
    });
    const response = await world.gateway.get(badge().replace('/api/user/unviewed-count', '/api/v1/accounts'));
    expect(await response.json()).toEqual({ account_id: '12345678901234567890' });
  });

  it('that needs a look-up finds a numeric account', async () => {
    world.kigo.configure({ numericAccountIds: true });
    expect(await (await world.gateway.get(badge())).json()).toEqual({ count: 12 });
  });
});

describe('the time for a call to Kigo', () => {
  let world: World;

  afterEach(() => world.close());

  it('is limited for an attempt, and another attempt follows', async () => {
    world = await startWorld({ KIGO_TIMEOUT_MS: '2000' });
    world.kigo.addFault({ ...summary, kind: 'hang', times: 1 });
    expect((await world.gateway.get(badge())).status).toBe(200);
    expect(world.kigo.requests('summary')).toHaveLength(2);
  });

  it.each<[string, FaultRule]>([
    ['never answers', { ...summary, kind: 'hang' }],
    ['sends headers and no body', { ...summary, kind: 'slow-body', delayMs: 60_000 }],
    ['sends its body for ever', { ...summary, kind: 'dribble', delayMs: 60, chunkBytes: 1 }],
  ])('is limited for all attempts together when Kigo %s: 504', async (_, fault) => {
    world = await startWorld({ KIGO_TIMEOUT_MS: '700', UPSTREAM_DEADLINE_MS: '900' });
    await world.gateway.get('/api/v1/accounts?external_user_id=user123&external_program_id=program456');
    world.kigo.addFault(fault);
    const response = await world.gateway.get(badge());
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({
      type: 'urn:rewards-gateway:problem:upstream-timeout',
      retryable: true,
    });
    expect(world.kigo.requests('summary').length).toBeLessThanOrEqual(2);
  });

  it.each([
    ['KIGO_TIMEOUT_MS', '3000.5', 200],
    ['KIGO_TIMEOUT_MS', '0.001', 504],
    ['KIIP_TIMEOUT_MS', '3000.5', 200],
    ['KIIP_TIMEOUT_MS', '0.001', 200],
    ['UPSTREAM_DEADLINE_MS', '30000.5', 200],
    ['UPSTREAM_DEADLINE_MS', '0.001', 504],
    ['KIGO_TOKEN_TTL_SECONDS', '1800.5', 200],
    ['KIGO_TOKEN_TTL_SECONDS', '0.001', 200],
  ])('may be a fraction: with %s=%s a gateway starts and works', async (name, value, status) => {
    world = await startWorld({ [name]: value });
    expect((await world.gateway.get(badge())).status).toBe(status);
  });

  it('covers the wait for a token', async () => {
    world = await startWorld({ KIGO_TIMEOUT_MS: '700', UPSTREAM_DEADLINE_MS: '900' });
    world.kigo.addFault({ route: 'login', kind: 'hang' });
    expect((await world.gateway.get(badge())).status).toBe(504);
    expect(world.kigo.requests('lookup')).toEqual([]);
  });

  it('is over at once when nobody listens: 502', async () => {
    world = await startWorld();
    const lonely = await startGateway({ KIGO_BASE_URL: 'http://127.0.0.1:1' });
    const response = await lonely.get(badge());
    await lonely.close();
    expect(response.status).toBe(502);
  });
});

describe('while Kigo fails', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld();
    await world.gateway.get(badge());
    passSeconds(0);
  });

  afterEach(async () => {
    restoreClock();
    await world.close();
  });

  const summaries = () => world.kigo.requests('summary').length;
  const fail = () => world.kigo.addFault({ kind: 'status', status: 500 });
  const askFor = (user: string, gateway: Gateway = world.gateway) => gateway.get(badge(user));

  it('the first callers cost three calls at the most, and a minute of callers 1.1 calls each at the most', async () => {
    fail();
    world.kigo.clearRequests();
    expect((await askFor('a')).status).toBe(502);
    expect(world.kigo.requests().length).toBeLessThanOrEqual(3);
    let callers = 1;
    for (let second = 0; second < 60; second += 1) {
      expect((await askFor(`user-${second}`)).status).toBeGreaterThanOrEqual(502);
      callers += 1;
      passSeconds(1);
    }
    expect(world.kigo.requests().length / callers).toBeLessThanOrEqual(1.1);
    // And Kigo is still looked at, now and then.
    expect(world.kigo.requests().length).toBeGreaterThan(5);
  });

  it('callers are told at once, with Retry-After, once the breaker is open', async () => {
    fail();
    for (const user of ['a', 'b', 'c']) await askFor(user);
    world.kigo.clearRequests();
    const response = await askFor('d');
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await response.json()).toMatchObject({
      type: 'urn:rewards-gateway:problem:upstream-busy',
      retryable: true,
    });
    expect(world.kigo.requests()).toEqual([]);
  });

  it('one operation’s breaker leaves the others alone', async () => {
    world.kigo.addFault({ kind: 'status', status: 500, route: 'lookup' });
    for (const user of ['a', 'b', 'c']) await askFor(user);
    expect((await askFor('d')).status).toBe(503);
    const account_id = 'never-asked-for';
    world.kigo.setAccount({ external_user_id: 'e', external_program_id: 'program456', account_id });
    world.kigo.clearRequests();
    expect((await world.gateway.get(`/api/v1/accounts/${account_id}/hub-summary`)).status).toBe(200);
    expect(summaries()).toBe(1);
  });

  it('one call goes through to look, and the breaker closes when it succeeds', async () => {
    fail();
    for (const user of ['a', 'b', 'c']) await askFor(user);
    world.kigo.clearFaults();
    world.kigo.clearRequests();
    passSeconds(31);
    world.kigo.addFault({ kind: 'slow', delayMs: 1_000, route: 'lookup', times: 1 });
    const looking = askFor('user123x');
    await until('Kigo has the call', () => world.kigo.requests('lookup').length === 1);
    expect((await askFor('e')).status).toBe(503);
    expect((await looking).status).toBe(404);
    expect((await askFor('f')).status).toBe(404);
  });

  it.each<[string, FaultRule]>([
    ['HTML', { kind: 'html', route: 'lookup' }],
    ['status 403', { kind: 'status', status: 403, route: 'lookup' }],
  ])('people are told, also of answers that no breaker counts: %s', async (_, fault) => {
    world.kigo.addFault(fault);
    for (const user of ['a', 'b', 'c']) await askFor(user);
    expect((await fetch(`${world.gateway.url}/health/dependencies`)).status).toBe(503);
    const told = world.gateway.log.filter(({ msg }) => msg === 'upstream call failed');
    expect(told).toEqual([
      expect.objectContaining({ level: 'warn', operation: 'lookup', consecutiveFailures: 1 }),
    ]);
    world.kigo.clearFaults();
    expect((await askFor('user123x')).status).toBe(404);
    const view = await (await fetch(`${world.gateway.url}/health/dependencies`)).json();
    // No database is there, so the whole is not well.
    expect(view).toMatchObject({ checks: { kigo: { status: 'up' } } });
  });

  it('a breaker that waits for somebody to try is no reason for an alarm', async () => {
    fail();
    for (const user of ['a', 'b', 'c']) await askFor(user);
    world.kigo.clearFaults();
    passSeconds(31);
    const view = await (await fetch(`${world.gateway.url}/health/dependencies`)).text();
    expect(view).toContain('"breaker":"half-open"');
  });

  it('cached badges keep being served, marked as stale', async () => {
    fail();
    passSeconds(400);
    for (let i = 0; i < 20; i += 1) {
      const response = await askFor('user123');
      expect([response.status, await response.json()]).toEqual([200, { count: 12 }]);
      expect(response.headers.get('cache-status')).toBe('rewards-gateway; hit; detail=stale-if-error');
      passSeconds(1);
    }
  });

  it('the view of the dependencies says so, and the probes do not', async () => {
    fail();
    for (const user of ['a', 'b', 'c']) await askFor(user);
    const view = await fetch(`${world.gateway.url}/health/dependencies`);
    expect(view.status).toBe(503);
    expect(JSON.stringify(await view.json())).toContain('"breaker":"open"');
    expect((await fetch(`${world.gateway.url}/health/live`)).status).toBe(200);
    const ready = await fetch(`${world.gateway.url}/health/ready`);
    expect(JSON.stringify(await ready.json())).not.toContain('kigo');
  });
});

describe('when very many calls come at once', () => {
  let world: World;

  beforeEach(async () => {
    // What is asked here is not how fast this machine is.
    world = await startWorld({ KIGO_TIMEOUT_MS: '30000', UPSTREAM_DEADLINE_MS: '60000' });
    world.kigo.configure({ unknownUser: 'create' });
  });

  afterEach(() => world.close());

  const users = Array.from({ length: 300 }, (_, index) => ({
    external_user_id: `u${index}`,
    external_program_id: 'p',
  }));

  it('Kigo sees 64 of them at a time, and all are answered', async () => {
    // So slow that more than a few have arrived before the first is answered, also on a busy machine.
    world.kigo.addFault({ kind: 'slow', delayMs: 300, route: 'lookup' });
    const answers = await Promise.all(
      users.map(({ external_user_id }) => world.gateway.get(badge(external_user_id, 'p'))),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(world.kigo.maxConcurrent('lookup')).toBeLessThanOrEqual(64);
    expect(world.kigo.maxConcurrent('lookup')).toBeGreaterThan(16);
    expect(world.kigo.maxConcurrent('login')).toBe(1);
  });

  it('batches use 16 places at the most, so that a single badge does not wait behind them', async () => {
    world.kigo.addFault({ kind: 'slow', delayMs: 10 });
    const batches = [users.slice(0, 100), users.slice(100, 200), users.slice(200)].map((part) =>
      world.gateway.post('/api/v1/unviewed-counts', { users: part }),
    );
    for (const response of await Promise.all(batches)) {
      const { results } = (await response.json()) as {
        results: { external_user_id: string; count?: number }[];
      };
      expect(results.every(({ count }) => count !== undefined)).toBe(true);
    }
    expect(world.kigo.maxConcurrent('lookup') + world.kigo.maxConcurrent('summary')).toBeGreaterThan(8);
    expect(world.kigo.maxConcurrent('lookup')).toBeLessThanOrEqual(16);
    expect(world.kigo.maxConcurrent('summary')).toBeLessThanOrEqual(16);
  });

  it('a batch does not wait for ever behind the batches of others', async () => {
    const small = await startGateway({
      KIGO_BASE_URL: world.kigo.url,
      KIGO_TIMEOUT_MS: '1000',
      UPSTREAM_DEADLINE_MS: '1000',
    });
    await small.get(badge('u0', 'p'));
    world.kigo.addFault({ kind: 'slow', delayMs: 600, route: 'lookup' });
    const others = small.post('/api/v1/unviewed-counts', { users: users.slice(100, 200) });
    const { results } = (await (await others).json()) as { results: { problem?: { status: number } }[] };
    await small.close();
    const busy = results.filter(({ problem }) => problem?.status === 503);
    expect(busy.length).toBeGreaterThan(50);
  });

  it('more than the lane holds are refused at once', async () => {
    world.kigo.addFault({ kind: 'slow', delayMs: 20, route: 'lookup' });
    const { axiosRef } = world.gateway.app.get(KigoHttp, { strict: false });
    const calls = Array.from({ length: 64 + 1_000 + 10 }, (_, index) =>
      axiosRef.get(`/api/v1/accounts?external_user_id=${index}&external_program_id=p`, {
        operation: 'lookup',
      }),
    );
    const outcomes = await Promise.allSettled(calls);
    const refused = outcomes
      .filter((outcome) => outcome.status === 'rejected')
      .map(({ reason }) => reason as UpstreamError);
    expect(refused).toHaveLength(10);
    expect(
      refused.every(({ failure, retryAfterSeconds }) => failure === 'busy' && retryAfterSeconds === 1),
    ).toBe(true);
  });
});
