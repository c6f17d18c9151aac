import { setTimeout as sleep } from 'node:timers/promises';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import { consumersConfig } from '../support/consumer.js';
import { badge, startGateway, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { issuance, redemption, startKiipGateway } from '../support/kiip.js';
import { scrapeMetrics, findSeries } from '../support/metrics.js';
import type { Metrics } from '../support/metrics.js';
import { sendBytes } from '../support/raw-http.js';
import { passSeconds, restoreClock } from '../support/clock.js';
import { waitFor } from '../support/wait-for.js';

const attempts = 'rewards_gateway_upstream_attempt_duration_seconds_count';
const requests = (seen: Metrics) => findSeries(seen, 'rewards_gateway_http_requests_total');
const ofKigo = (seen: Metrics, name: string, operation: string, more = '') =>
  seen[`rewards_gateway_${name}{upstream="kigo",operation="${operation}"${more}}`];

describe('metrics of routes and upstreams', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld({ KIGO_TIMEOUT_MS: '1000' });
    world.kigo.configure({ unknownUser: 'create' });
  });
  afterEach(async () => {
    restoreClock();
    await world.close();
  });

  const metrics = () => scrapeMetrics(world.gateway);
  const attempted = async () => findSeries(await metrics(), 'rewards_gateway_upstream_attempts_total');

  it('counts every request by its route, status and caller', async () => {
    await world.gateway.get(badge('first'));
    await world.gateway.get(badge('second'));
    await world.gateway.get('/api/user/unviewed-count?external_user_id=x');
    await fetch(world.gateway.url + badge('stranger'));
    await fetch(`${world.gateway.url}/health/live`, { method: 'DELETE' });
    const route = '/api/user/unviewed-count';
    const seen = await metrics();
    expect(requests(seen)).toEqual({
      [`{method="GET",route="${route}",status="200",caller="tester"}`]: 2,
      [`{method="GET",route="${route}",status="400",caller="tester"}`]: 1,
      [`{method="GET",route="${route}",status="401",caller=""}`]: 1,
      '{method="DELETE",route="/health/live",status="405",caller=""}': 1,
    });
    const durations = 'rewards_gateway_http_request_duration_seconds';
    expect(seen).toMatchObject({
      [`${durations}_count{method="GET",route="${route}",status_class="2xx"}`]: 2,
      [`${durations}_count{method="GET",route="${route}",status_class="4xx"}`]: 2,
      [`${durations}_bucket{le="+Inf",method="GET",route="${route}",status_class="2xx"}`]: 2,
    });
    expect(seen[`${durations}_sum{method="GET",route="${route}",status_class="2xx"}`]).toBeGreaterThan(0);
  });

  it('exports the last use of each API key, and nothing for an unused key', async () => {
    const usedAt = /^rewards_gateway_api_key_last_used/;
    const keys = async () => Object.entries(await metrics()).filter(([name]) => usedAt.test(name));
    expect(await keys()).toEqual([]);
    const before = Date.now() / 1000;
    await world.gateway.get(badge());
    const [[name, at] = ['', 0], ...others] = await keys();
    expect(name).toBe('rewards_gateway_api_key_last_used_timestamp_seconds{caller="tester",key="1"}');
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now() / 1000);
    expect(others).toEqual([]);
  });

  it('adds no series for many unusual requests', async () => {
    const odd = async (from: number, to: number) => {
      for (let number = from; number < to; number += 1) {
        await world.gateway.get(`/nothing/canary-${number}`);
        await world.gateway.get(badge(`canary-${number}`));
        await world.gateway.get(`/api/v1/accounts/canary-${number}/hub-summary`, {
          'x-request-id': `canary-${number}`,
        });
        await fetch(world.gateway.url, { headers: { authorization: `Bearer canary-${number}` } });
      }
      await sendBytes(world.gateway.url, 'GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      for (const method of ['PROPFIND', 'MKCOL', 'PURGE'])
        await sendBytes(
          world.gateway.url,
          `${method} /canary HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
        );
      return metrics();
    };
    await odd(0, 2);
    const few = Object.keys(await odd(2, 4));
    const many = Object.keys(await odd(4, 24));
    // The first collection of a kind adds a series, whenever V8 needs it.
    const added = many.filter((series) => !few.includes(series) && !series.startsWith('nodejs_gc_'));
    expect(added).toEqual([]);
    expect(many.join('\n')).not.toContain('canary');
    expect(requests(await metrics())).toMatchObject({
      '{method="GET",route="unknown",status="400",caller=""}': 3,
      '{method="other",route="unknown",status="404",caller=""}': 9,
    });
  });

  it('counts attempts, retries and failures of each upstream operation', async () => {
    expect(ofKigo(await metrics(), 'upstream_retries_total', 'lookup')).toBe(0);
    world.kigo.addFault({ route: 'lookup', kind: 'status', status: 500, times: 1 });
    await world.gateway.get(badge('first'));
    world.kigo.addFault({ route: 'summary', kind: 'html', times: 1 });
    await world.gateway.get(badge('second'));
    const seen = await metrics();
    expect(findSeries(seen, attempts)).toEqual({
      '{upstream="kigo",operation="login",outcome="ok",status_class="2xx"}': 1,
      '{upstream="kigo",operation="lookup",outcome="status",status_class="5xx"}': 1,
      '{upstream="kigo",operation="lookup",outcome="ok",status_class="2xx"}': 2,
      '{upstream="kigo",operation="hub-summary",outcome="ok",status_class="2xx"}': 2,
    });
    expect(ofKigo(seen, 'upstream_retries_total', 'lookup')).toBe(1);
    expect(ofKigo(seen, 'upstream_failures_total', 'lookup', ',failure="status"')).toBe(0);
    expect(ofKigo(seen, 'upstream_failures_total', 'hub-summary', ',failure="invalid_response"')).toBe(1);
  });

  it('exports every outcome of every operation from the start, so that increase() sees the first event', async () => {
    const before = await attempted();
    expect(Object.values(before).filter((count) => count !== 0)).toEqual([]);
    const operations = ['login', 'lookup', 'hub-summary'].map(
      (name) => `upstream="kigo",operation="${name}"`,
    );
    operations.push(...['session', 'moment'].map((name) => `upstream="kiip",operation="${name}"`));
    for (const operation of operations)
      for (const outcome of [
        'ok',
        'short_circuited',
        'unreachable',
        'timeout',
        'status',
        'credentials_rejected',
      ])
        expect(before).toHaveProperty([`{${operation},outcome="${outcome}"}`], 0);
    world.kigo.addFault({ route: 'lookup', kind: 'status', status: 500, times: 1 });
    await world.gateway.get(badge());
    expect(await attempted()).toEqual({
      ...before,
      '{upstream="kigo",operation="login",outcome="ok"}': 1,
      '{upstream="kigo",operation="lookup",outcome="status"}': 1,
      '{upstream="kigo",operation="lookup",outcome="ok"}': 1,
      '{upstream="kigo",operation="hub-summary",outcome="ok"}': 1,
    });
  });

  it('exports the state of an open circuit breaker and counts short-circuited calls', async () => {
    expect(ofKigo(await metrics(), 'upstream_circuit_breaker_state', 'lookup')).toBe(0);
    world.kigo.addFault({ route: 'lookup', kind: 'reset' });
    await world.gateway.get(badge('first'));
    await world.gateway.get(badge('second'));
    await world.gateway.get(badge('third'));
    await world.gateway.get(badge('fourth'));
    const seen = await metrics();
    expect(ofKigo(seen, 'upstream_circuit_breaker_state', 'lookup')).toBe(2);
    expect(ofKigo(seen, 'upstream_circuit_breaker_state', 'hub-summary')).toBe(0);
    expect(
      seen[`${attempts}{upstream="kigo",operation="lookup",outcome="short_circuited",status_class="none"}`],
    ).toBeGreaterThan(0);
    expect(
      seen[`${attempts}{upstream="kigo",operation="lookup",outcome="unreachable",status_class="none"}`],
    ).toBe(9);
  });

  it('counts rejected credentials also while the older token is still in use', async () => {
    await world.gateway.get(badge('first'));
    world.kigo.configure({ apiKeys: ['another'] });
    passSeconds(1_500);
    expect((await world.gateway.get(badge('second'))).status).toBe(200);
    const refused = ',failure="credentials_rejected"';
    await waitFor(
      'the login has been refused',
      async () => ofKigo(await metrics(), 'upstream_failures_total', 'login', refused) === 1,
    );
  });

  it('exports when the Kigo token was issued and when it expires', async () => {
    expect(findSeries(await metrics(), 'rewards_gateway_kigo_token_issued_timestamp_seconds')).toEqual({});
    passSeconds(0);
    await world.gateway.get(badge());
    const loginAt = Date.now() / 1000;
    passSeconds(60);
    const seen = await metrics();
    expect(seen['rewards_gateway_kigo_token_issued_timestamp_seconds']).toBeCloseTo(loginAt, 0);
    expect(seen['rewards_gateway_kigo_token_expiry_timestamp_seconds']).toBeCloseTo(loginAt + 1_800, 0);
  });

  it('counts cache lookups by outcome, and the lookups that waited for another one', async () => {
    world.kigo.addFault({ route: 'login', kind: 'slow', delayMs: 30, times: 1 });
    await Promise.all(Array.from({ length: 20 }, () => world.gateway.get(badge())));
    await Promise.all(['a', 'b', 'c'].map((user) => world.gateway.get(badge(user))));
    await world.gateway.get(badge());
    passSeconds(400);
    world.kigo.addFault({ route: 'summary', kind: 'status', status: 400 });
    await world.gateway.get(badge());
    await world.gateway.get(badge(), { 'cache-control': 'no-cache' });
    const seen = await metrics();
    const waits = seen['rewards_gateway_cache_coalesced_requests_total{cache="account"}']!;
    expect(waits).toBeGreaterThan(0);
    expect(findSeries(seen, 'rewards_gateway_cache_lookups_total')).toMatchObject({
      // All lookups that waited shared one call. On a busy machine, later lookups found its result in the cache.
      '{cache="account",outcome="miss"}': waits + 1 + 3,
      '{cache="account",outcome="hit"}': 20 - (waits + 1) + 2,
      '{cache="account",outcome="bypass"}': 1,
      '{cache="hub-summary",outcome="stale"}': 1,
      '{cache="hub-summary",outcome="failed"}': 1,
    });
    expect(findSeries(seen, 'rewards_gateway_redis_up')).toEqual({});
  });

  it('counts calls that waited for the login of another call', async () => {
    world.kigo.addFault({ route: 'login', kind: 'slow', delayMs: 30, times: 1 });
    await Promise.all(Array.from({ length: 20 }, (_, user) => world.gateway.get(badge(`user-${user}`))));
    const seen = await metrics();
    expect(seen['rewards_gateway_kigo_token_coalesced_requests_total']).toBeGreaterThan(0);
    expect(seen['rewards_gateway_kigo_token_coalesced_requests_total']).toBeLessThan(20);
    expect(seen[`${attempts}{upstream="kigo",operation="login",outcome="ok",status_class="2xx"}`]).toBe(1);
  });

  it('exports the event-loop lag after a block', async () => {
    await metrics();
    // The lag is measured every 10 ms, and reset by each scrape.
    await sleep(40);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    expect((await metrics())['nodejs_eventloop_lag_max_seconds']).toBeGreaterThan(0.04);
  });

  it('exports the standard process metrics', async () => {
    expect(await metrics()).toMatchObject({
      process_resident_memory_bytes: expect.any(Number) as number,
      process_cpu_seconds_total: expect.any(Number) as number,
      nodejs_eventloop_lag_max_seconds: expect.any(Number) as number,
      nodejs_eventloop_lag_p99_seconds: expect.any(Number) as number,
      rewards_gateway_event_loop_stalls_total: expect.any(Number) as number,
    });
  });
});

describe('metrics of requests without caller authentication', () => {
  it('leaves the caller label empty', async () => {
    const gateway = await startGateway({ CALLER_AUTH: 'none', CALLER_SCOPES: undefined });
    try {
      await gateway.get('/health/live');
      expect(findSeries(await scrapeMetrics(gateway), 'rewards_gateway_http_requests_total')).toEqual({
        '{method="GET",route="/health/live",status="200",caller=""}': 1,
      });
    } finally {
      await gateway.close();
    }
  });
});

describe('metrics of callbacks and delivery attempts', () => {
  it('counts outcomes, verified signatures and consumer responses', async () => {
    const wallet = await startCallbackReceiver();
    const gateway = await startKiipGateway({
      DELIVERY_CONSUMERS: consumersConfig(wallet.url),
      KIIP_APP_SECRETS: 'test_app_secret_0001,older_secret',
    });
    const attempt = 'rewards_gateway_delivery_attempt_duration_seconds_count';
    const callbacks = async () =>
      findSeries(await scrapeMetrics(gateway), 'rewards_gateway_kiip_callbacks_total');
    try {
      expect(await callbacks()).toEqual({
        ...Object.fromEntries(
          [
            'malformed',
            'failed',
            'not_found',
            'method_not_allowed',
            'too_large',
            'unsupported_media_type',
            'rate_limited',
          ].map((outcome) => [`{outcome="${outcome}",kind=""}`, 0]),
        ),
        ...Object.fromEntries(
          ['recorded', 'duplicate', 'quarantined', 'spooled', 'wrong_signature'].flatMap((outcome) =>
            ['redemption', 'issuance'].map((kind) => [`{outcome="${outcome}",kind="${kind}"}`, 0]),
          ),
        ),
      });
      wallet.answer(302, 200);
      const fields = redemption();
      await gateway.callback(fields);
      await gateway.callback(fields);
      await gateway.callback(issuance({}, 'older_secret'));
      await gateway.callback(redemption({ quantity: 'many' }));
      await gateway.callback(redemption({}, 'wrong'));
      await gateway.callback({ canary: true });
      expect(await callbacks()).toMatchObject({
        '{outcome="recorded",kind="redemption"}': 1,
        '{outcome="recorded",kind="issuance"}': 1,
        '{outcome="duplicate",kind="redemption"}': 1,
        '{outcome="quarantined",kind="redemption"}': 1,
        '{outcome="wrong_signature",kind="redemption"}': 1,
        '{outcome="malformed",kind=""}': 1,
      });
      await waitFor('both have been sent', async () => {
        const seen = findSeries(await scrapeMetrics(gateway), attempt);
        return (
          seen['{consumer="wallet",outcome="3xx"}'] === 1 && seen['{consumer="wallet",outcome="2xx"}'] === 1
        );
      });
      const seen = await scrapeMetrics(gateway);
      expect(findSeries(seen, 'rewards_gateway_kiip_callback_signatures_verified_total')).toEqual({
        '{scheme="redemption",secret_index="1"}': 3,
        '{scheme="issuance",secret_index="2"}': 1,
      });
      expect(seen).toMatchObject({
        'rewards_gateway_delivery_circuit_breaker_state{consumer="wallet"}': 0,
        rewards_gateway_database_up: 1,
      });
    } finally {
      await gateway.close();
      await wallet.close();
    }
  });
});
