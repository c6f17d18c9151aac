import { KigoHttp } from '../../src/kigo-auth/kigo-http.js';
import type { FaultRule } from '@rewards-gateway/sandbox';
import type { UpstreamError } from '../../src/upstream/upstream-error.js';
import { passSeconds, restoreClock } from '../support/clock.js';
import { waitFor } from '../support/wait-for.js';
import { badge, startGateway, startWorld } from '../support/gateway.js';
import type { Gateway, World } from '../support/gateway.js';

const summary = { route: 'summary' } as const;
const heldBack = 'calls wait for a Retry-After';
const ids = (user: string) => ({ external_user_id: user, external_program_id: 'program456' });

describe('a call to Kigo', () => {
  let world: World;
  let users = 0;
  let user = '';

  const addUser = () => {
    users += 1;
    user = `user-${users}`;
    const ids = { external_user_id: user, external_program_id: 'program456' };
    world.kigo.setAccount({ ...ids, unviewed_products: 12 });
  };

  beforeAll(async () => {
    world = await startWorld();
  });
  // Nothing is cached for a new user.
  beforeEach(() => {
    addUser();
    world.kigo.clearRequests();
    world.gateway.log.length = 0;
  });
  // More successful calls than the test made keep the circuit breakers closed.
  afterEach(async () => {
    world.kigo.clearFaults();
    world.kigo.configure({ numericAccountIds: false });
    for (let calls = summaries(); calls >= 0; calls -= 1) {
      addUser();
      const { ok } = await world.gateway.get(badge(user));
      if (!ok) throw new Error('a call without a fault has failed: a circuit breaker may be open');
    }
  });
  afterAll(() => world.close());

  const summaries = () => world.kigo.requests('summary').length;

  describe.each<[string, FaultRule]>([
    ['a connection reset', { ...summary, kind: 'reset', times: 2 }],
    ['a reset within the response body', { ...summary, kind: 'reset-after-headers', times: 2 }],
    ['a connection closed within the response body', { ...summary, kind: 'cut-off', times: 2 }],
    ...[408, 429, 500, 502, 503, 504, 520].map((status): [string, FaultRule] => [
      `status ${status}`,
      { ...summary, kind: 'status', status, times: 2 },
    ]),
  ])('after %s', (_, fault) => {
    it('is retried, up to three attempts', async () => {
      world.kigo.addFault(fault);
      const response = await world.gateway.get(badge(user));
      expect([response.status, await response.json()]).toEqual([200, { count: 12 }]);
      expect(summaries()).toBe(3);
    });
  });

  it.each([400, 403, 404, 409, 410, 422, 501])('is not retried after status %i', async (status) => {
    world.kigo.addFault({ ...summary, kind: 'status', status });
    const response = await world.gateway.get(badge(user));
    expect(response.status).toBe(status === 404 ? 404 : 502);
    expect(summaries()).toBe(1);
  });

  it('backs off up to 100 ms before the first retry and up to 200 ms before the second', async () => {
    world.kigo.addFault({ ...summary, kind: 'status', status: 500 });
    await world.gateway.get(badge(user));
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
    expect((await world.gateway.get(badge(user))).status).toBe(200);
    const [first, second] = world.kigo.requests('summary');
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(990);
  });

  it('waits for a Retry-After of 1 s that two other calls got', async () => {
    world.kigo.addFault({ ...summary, kind: 'rate-limited', retryAfter: 1, times: 2 });
    const others = [world.gateway.get(badge(user))];
    addUser();
    others.push(world.gateway.get(badge(user)));
    await waitFor('the gateway knows', () => world.gateway.log.some(({ msg }) => msg === heldBack));
    addUser();
    expect((await world.gateway.get(badge(user))).status).toBe(200);
    for (const { status } of await Promise.all(others)) expect(status).toBe(200);
    const [, limited, ...later] = world.kigo.requests('summary').map(({ at }) => at);
    expect(later).toHaveLength(3);
    expect(Math.min(...later) - limited!).toBeGreaterThanOrEqual(990);
  });

  it.each(['', 'soon', '-1', '1.5', 'Wed, 99 Foo 2020', '99999999999'])(
    'ignores a Retry-After of "%s"',
    async (retryAfter) => {
      world.kigo.addFault({ ...summary, kind: 'unavailable', retryAfter, times: 1 });
      expect((await world.gateway.get(badge(user))).status).toBe(200);
      expect(summaries()).toBe(2);
    },
  );

  const invalid: [string, FaultRule][] = [
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

  it.each(invalid)(
    'fails with 502 after one attempt and caches nothing when the response is %s',
    async (_, fault) => {
      world.kigo.addFault(fault);
      const response = await world.gateway.get(badge(user));
      expect(response.status).toBe(502);
      const body = (await response.json()) as Record<string, unknown>;
      expect(body).toMatchObject({
        type: 'urn:rewards-gateway:problem:upstream-failed',
        upstream: 'kigo',
        retryable: false,
      });
      expect(world.kigo.requests(fault.route as 'summary')).toHaveLength(1);

      world.kigo.clearFaults();
      const again = await world.gateway.get(badge(user));
      expect([again.status, await again.json()]).toEqual([200, { count: 12 }]);
    },
  );

  it.each<[string, FaultRule]>([
    ['unknown fields', { ...summary, kind: 'extra-fields' }],
    ['a gzip encoding', { ...summary, kind: 'gzip' }],
    ['a body in small pieces', { ...summary, kind: 'dribble', delayMs: 1, chunkBytes: 5 }],
    ['a delayed body', { ...summary, kind: 'slow-body', delayMs: 30 }],
    ['the content type of HTML', { kind: 'wrong-content-type' }],
    [
      'the content type of text in UTF-16',
      { kind: 'wrong-content-type', contentType: 'text/plain;charset=utf-16' },
    ],
  ])('succeeds when the response has %s', async (_, fault) => {
    // The response of a login as well, if the fault is not of one route.
    world.kigo.revokeAllTokens();
    world.kigo.addFault(fault);
    const response = await world.gateway.get(badge(user));
    expect([response.status, await response.json()]).toEqual([200, { count: 12 }]);
  });

  it('accepts counts beyond 32 bits', async () => {
    world.kigo.addFault({ ...summary, kind: 'extra-fields', fields: { unviewed_products: 2 ** 40 } });
    expect(await (await world.gateway.get(badge(user))).json()).toEqual({ count: 2 ** 40 });
  });

  it('accepts account ids that are numbers, and returns them as strings', async () => {
    world.kigo.addFault({
      route: 'lookup',
      kind: 'status',
      status: 200,
      body: '{"account_id": 12345678901234567890}',
    });
    const response = await world.gateway.get(
      badge(user).replace('/api/user/unviewed-count', '/api/v1/accounts'),
    );
    expect(await response.json()).toEqual({ account_id: '12345678901234567890' });
  });

  it('finds the hub summary of a numeric account id', async () => {
    world.kigo.configure({ numericAccountIds: true });
    expect(await (await world.gateway.get(badge(user))).json()).toEqual({ count: 12 });
  });
});

describe('the time limit of a call to Kigo', () => {
  let world: World;

  afterEach(() => world.close());

  it('ends an attempt, and a retry follows', async () => {
    world = await startWorld({ KIGO_TIMEOUT_MS: '1000' });
    world.kigo.addFault({ ...summary, kind: 'hang', times: 1 });
    expect((await world.gateway.get(badge())).status).toBe(200);
    expect(world.kigo.requests('summary')).toHaveLength(2);
  });

  it.each<[string, FaultRule]>([
    ['never responds', { ...summary, kind: 'hang' }],
    ['sends headers and no body', { ...summary, kind: 'slow-body', delayMs: 60_000 }],
    ['never ends the body', { ...summary, kind: 'dribble', delayMs: 60, chunkBytes: 1 }],
  ])('ends all attempts together with 504 when Kigo %s', async (_, fault) => {
    world = await startWorld({ KIGO_TIMEOUT_MS: '1000', UPSTREAM_DEADLINE_MS: '1500' });
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
  ])('may be a fraction: with %s=%s the gateway starts and responds with %i', async (name, value, status) => {
    world = await startWorld({ [name]: value });
    expect((await world.gateway.get(badge())).status).toBe(status);
  });

  it('includes the wait for a token', async () => {
    world = await startWorld({ KIGO_TIMEOUT_MS: '1000', UPSTREAM_DEADLINE_MS: '1500' });
    world.kigo.addFault({ route: 'login', kind: 'hang' });
    expect((await world.gateway.get(badge())).status).toBe(504);
    expect(world.kigo.requests('lookup')).toEqual([]);
  });

  it('does not delay the 502 when nothing listens at the address', async () => {
    world = await startWorld();
    const gateway = await startGateway({ KIGO_BASE_URL: 'http://127.0.0.1:1' });
    const response = await gateway.get(badge());
    await gateway.close();
    expect(response.status).toBe(502);
  });
});

describe('during an outage of Kigo', () => {
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

  it('the first request causes at most three calls to Kigo, and a minute of requests at most 1.1 calls each', async () => {
    fail();
    world.kigo.clearRequests();
    expect((await askFor('a')).status).toBe(502);
    expect(world.kigo.requests().length).toBeLessThanOrEqual(3);
    let requests = 1;
    for (let second = 0; second < 60; second += 1) {
      expect((await askFor(`user-${second}`)).status).toBeGreaterThanOrEqual(502);
      requests += 1;
      passSeconds(1);
    }
    expect(world.kigo.requests().length / requests).toBeLessThanOrEqual(1.1);
    // The breaker still probes Kigo now and then.
    expect(world.kigo.requests().length).toBeGreaterThan(5);
  });

  it.each(['60', '3600', '9999999999', 'Fri, 31 Dec 2199 23:59:59 GMT'])(
    'a Retry-After of %s that comes twice in a row holds for all calls of the operation, up to 120 s',
    async (retryAfter) => {
      world.kigo.configure({ unknownUser: 'create' });
      world.kigo.addFault({ ...summary, kind: 'rate-limited', retryAfter, times: 2 });
      world.kigo.clearRequests();
      for (const user of ['a', 'a']) expect((await askFor(user)).status).toBe(503);
      const seconds = retryAfter === '60' ? 60 : 120;
      passSeconds(seconds - 2);
      const held = await askFor('b');
      expect(held.status).toBe(503);
      const left = Number(held.headers.get('retry-after'));
      expect([left >= 2, left <= 2 + seconds / 10]).toEqual([true, true]);
      expect(await held.json()).toMatchObject({
        type: 'urn:rewards-gateway:problem:upstream-busy',
        retryable: true,
      });
      // The look-up is another operation.
      expect(world.kigo.requests('lookup')).toHaveLength(2);
      expect(summaries()).toBe(2);
      passSeconds(2 + seconds / 10);
      // It takes two again. The third failure in a row opens the circuit breaker, for 5 s.
      world.kigo.addFault({ ...summary, kind: 'rate-limited', retryAfter, times: 1 });
      expect((await askFor('a')).status).toBe(503);
      passSeconds(5);
      expect((await askFor('b')).status).toBe(200);
    },
  );

  it('a Retry-After for one user does not keep others from being served', async () => {
    world.kigo.configure({ unknownUser: 'create' });
    const account = String(world.kigo.setAccount(ids('limited')).account_id);
    world.kigo.addFault({ ...summary, kind: 'rate-limited', retryAfter: 120, account });
    for (let batch = 0; batch < 3; batch += 1) {
      const users = [ids(`before-${batch}`), ids('limited'), ids(`after-${batch}`)];
      const response = await world.gateway.post('/api/v1/unviewed-counts', { users });
      expect(await response.json()).toMatchObject({
        results: [{ count: 0 }, { problem: { status: 503, retry_after_seconds: 120 } }, { count: 0 }],
      });
      expect((await askFor(`between-${batch}`)).status).toBe(200);
    }
  });

  it.each([500, 504])('a Retry-After with status %i does not hold for other calls', async (status) => {
    world.kigo.configure({ unknownUser: 'create' });
    const headers = { 'retry-after': '60' };
    world.kigo.addFault({ ...summary, kind: 'status', status, headers, times: 2 });
    for (const user of ['a', 'b']) expect((await askFor(user)).status).toBe(502);
    expect((await askFor('c')).status).toBe(200);
  });

  it('requests get 503 with Retry-After at once when the circuit breaker is open', async () => {
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

  it('statuses of its class that nobody knows, such as those of an edge, open the circuit breaker as 500 does', async () => {
    for (const [user, status] of Object.entries({ a: 520, b: 530, c: 599 })) {
      world.kigo.addFault({ kind: 'status', status, route: 'lookup', times: 3 });
      expect((await askFor(user)).status).toBe(502);
    }
    world.kigo.clearRequests();
    expect((await askFor('d')).status).toBe(503);
    expect(world.kigo.requests()).toEqual([]);
  });

  it('what a retry mends is no failure, however many users in a row have it', async () => {
    world.kigo.configure({ unknownUser: 'create' });
    const statuses: number[] = [];
    for (let user = 0; user < 10; user += 1) {
      world.kigo.addFault({ kind: 'status', status: 500, route: 'summary', times: 2 });
      statuses.push((await askFor(`unlucky-${user}`)).status);
    }
    expect(statuses).toEqual(Array(10).fill(200));
    expect(summaries()).toBe(1 + 3 * 10);
  });

  it('two users for whom nothing works do not keep others from being served', async () => {
    world.kigo.configure({ unknownUser: 'create' });
    fail();
    for (const user of ['a', 'b']) expect((await askFor(user)).status).toBe(502);
    world.kigo.clearFaults();
    for (const user of ['c', 'd', 'e']) expect((await askFor(user)).status).toBe(200);
  });

  it('the circuit breaker of one operation does not affect the others', async () => {
    world.kigo.addFault({ kind: 'status', status: 500, route: 'lookup' });
    for (const user of ['a', 'b', 'c']) await askFor(user);
    expect((await askFor('d')).status).toBe(503);
    const account_id = 'never-asked-for';
    world.kigo.setAccount({ external_user_id: 'e', external_program_id: 'program456', account_id });
    world.kigo.clearRequests();
    expect((await world.gateway.get(`/api/v1/accounts/${account_id}/hub-summary`)).status).toBe(200);
    expect(summaries()).toBe(1);
  });

  it('one call probes Kigo, and the circuit breaker closes when it succeeds', async () => {
    fail();
    for (const user of ['a', 'b', 'c']) await askFor(user);
    world.kigo.clearFaults();
    world.kigo.clearRequests();
    passSeconds(31);
    world.kigo.addFault({ kind: 'slow', delayMs: 1_000, route: 'lookup', times: 1 });
    const probe = askFor('user123x');
    await waitFor('Kigo has the call', () => world.kigo.requests('lookup').length === 1);
    expect((await askFor('e')).status).toBe(503);
    expect((await probe).status).toBe(404);
    expect((await askFor('f')).status).toBe(404);
  });

  it.each<[string, FaultRule]>([
    ['HTML', { kind: 'html', route: 'lookup' }],
    ['status 403', { kind: 'status', status: 403, route: 'lookup' }],
  ])('the log and the health report show failures that no circuit breaker counts: %s', async (_, fault) => {
    world.kigo.addFault(fault);
    for (const user of ['a', 'b', 'c']) await askFor(user);
    expect((await fetch(`${world.gateway.url}/health/dependencies`)).status).toBe(503);
    const logged = world.gateway.log.filter(({ msg }) => msg === 'upstream call failed');
    expect(logged).toEqual([
      expect.objectContaining({ level: 'warn', operation: 'lookup', consecutiveFailures: 1 }),
    ]);
    world.kigo.clearFaults();
    expect((await askFor('user123x')).status).toBe(404);
    const report = await (await fetch(`${world.gateway.url}/health/dependencies`)).json();
    // There is no database here, so the report as a whole is not up.
    expect(report).toMatchObject({ checks: { kigo: { status: 'up' } } });
  });

  it('a circuit breaker that waits for its next probe is reported as half-open', async () => {
    fail();
    for (const user of ['a', 'b', 'c']) await askFor(user);
    world.kigo.clearFaults();
    passSeconds(31);
    const report = await (await fetch(`${world.gateway.url}/health/dependencies`)).text();
    expect(report).toContain('"breaker":"half-open"');
  });

  it('cached counts are still served, marked as stale', async () => {
    fail();
    passSeconds(400);
    for (let i = 0; i < 20; i += 1) {
      const response = await askFor('user123');
      expect([response.status, await response.json()]).toEqual([200, { count: 12 }]);
      expect(response.headers.get('cache-status')).toBe('rewards-gateway; hit; detail=stale-if-error');
      passSeconds(1);
    }
  });

  it('the health report is 503, and the probes are not affected', async () => {
    fail();
    for (const user of ['a', 'b', 'c']) await askFor(user);
    const report = await fetch(`${world.gateway.url}/health/dependencies`);
    expect(report.status).toBe(503);
    expect(JSON.stringify(await report.json())).toContain('"breaker":"open"');
    expect((await fetch(`${world.gateway.url}/health/live`)).status).toBe(200);
    const ready = await fetch(`${world.gateway.url}/health/ready`);
    expect(JSON.stringify(await ready.json())).not.toContain('kigo');
  });
});

describe('under many calls at once', () => {
  let world: World;

  beforeEach(async () => {
    // The speed of this machine must not matter here.
    world = await startWorld({ KIGO_TIMEOUT_MS: '30000', UPSTREAM_DEADLINE_MS: '60000' });
    world.kigo.configure({ unknownUser: 'create' });
  });

  afterEach(() => world.close());

  const users = Array.from({ length: 300 }, (_, index) => ({
    external_user_id: `u${index}`,
    external_program_id: 'p',
  }));

  it('Kigo gets at most 64 at a time, and all of them succeed', async () => {
    // So slow that more than a few have arrived before the first is answered, also on a busy machine.
    world.kigo.addFault({ kind: 'slow', delayMs: 300, route: 'lookup' });
    const responses = await Promise.all(
      users.slice(0, 150).map(({ external_user_id }) => world.gateway.get(badge(external_user_id, 'p'))),
    );
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    expect(world.kigo.maxConcurrent('lookup')).toBeLessThanOrEqual(64);
    expect(world.kigo.maxConcurrent('lookup')).toBeGreaterThan(16);
    expect(world.kigo.maxConcurrent('login')).toBe(1);
  });

  it('batches have at most 16 calls in flight, so that a single count does not wait for them', async () => {
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

  it('a batch does not wait for other batches without a limit', async () => {
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

  it('calls beyond the bulkhead and its queue are rejected at once', async () => {
    world.kigo.addFault({ kind: 'slow', delayMs: 20, route: 'lookup' });
    const { axiosRef } = world.gateway.app.get(KigoHttp, { strict: false });
    const calls = Array.from({ length: 64 + 1_000 + 10 }, (_, index) =>
      axiosRef.get(`/api/v1/accounts?external_user_id=${index}&external_program_id=p`, {
        operation: 'lookup',
      }),
    );
    const outcomes = await Promise.allSettled(calls);
    const rejected = outcomes
      .filter((outcome) => outcome.status === 'rejected')
      .map(({ reason }) => reason as UpstreamError);
    expect(rejected).toHaveLength(10);
    expect(
      rejected.every(({ failure, retryAfterSeconds }) => failure === 'busy' && retryAfterSeconds === 1),
    ).toBe(true);
  });
});
