import { credentials, paths, requestId, setupLeakDetection } from '../support/leak-detection.js';
import { scrapeMetrics, findSeries } from '../support/metrics.js';
import { waitFor } from '../support/wait-for.js';

const world = setupLeakDetection({ perTest: false });

describe('the access log', () => {
  it('has one line per request: route template, status, duration, caller and request id, and nothing else', async () => {
    await world.get(paths.badge);
    expect(world.requestLines()).toEqual([
      {
        level: 'info',
        time: expect.any(String) as string,
        requestId,
        msg: 'request',
        method: 'GET',
        route: '/api/user/unviewed-count',
        status: 200,
        durationMs: expect.any(Number) as number,
        caller: 'tester',
      },
    ]);
  });

  it('has probes and scrapes at the level debug, unless they fail', async () => {
    for (const path of ['/health/live', '/metrics', '/health/dependencies']) await world.get(path);
    expect(world.requestLines().map(({ level, status }) => [level, status])).toEqual([
      ['debug', 200],
      ['debug', 200],
      ['info', 503],
    ]);
  });

  it('names no route for an unknown path, and no caller who is not authenticated', async () => {
    await world.get('/nothing/canary', {});
    await world.get(paths.summary, {});
    expect(world.requestLines()).toEqual([
      expect.not.objectContaining({ route: expect.anything() as unknown }),
      expect.objectContaining({ route: '/api/v1/accounts/:account_id/hub-summary', status: 401 }),
    ]);
    for (const line of world.requestLines()) expect(line).not.toHaveProperty('caller');
  });

  it('names the problem of a response', async () => {
    world.kigo.addFault({ kind: 'status', status: 400, route: 'summary', times: 1 });
    await world.get('/nothing');
    await world.get(paths.summary, {});
    await world.get('/api/v1/accounts');
    await world.get(paths.badge, { ...credentials, 'cache-control': 'no-cache' });
    await world.raw('GET /%zz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    await world.get(paths.badge);
    expect(world.requestLines().map(({ status, problem }) => [status, problem])).toEqual([
      [404, 'not-found'],
      [401, 'unauthenticated'],
      [400, 'validation'],
      [502, 'upstream-failed'],
      [400, 'validation'],
      [200, undefined],
    ]);
  });

  it('has one line with status 499 when the client closes the connection early, and /metrics counts it', async () => {
    const counted = async () =>
      findSeries(await scrapeMetrics(world.gateway), 'rewards_gateway_http_requests_total')[
        '{method="GET",route="/api/user/unviewed-count",status="499",caller="tester"}'
      ];
    expect(await counted()).toBeUndefined();
    world.gateway.log.length = 0;
    world.kigo.addFault({ kind: 'slow', delayMs: 300, route: 'summary', times: 1 });
    const leave = new AbortController();
    const { signal } = leave;
    const call = fetch(world.gateway.url + paths.badge, {
      headers: { ...credentials, 'x-request-id': requestId, 'cache-control': 'no-cache' },
      signal,
    });
    await waitFor('Kigo is called', () => world.kigo.requests('summary').length === 1);
    leave.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await waitFor('the line is written', () => world.requestLines().length === 1);
    expect(world.requestLines()).toEqual([
      expect.objectContaining({
        requestId,
        route: '/api/user/unviewed-count',
        status: 499,
        caller: 'tester',
      }),
    ]);
    // The later response of Kigo causes no further line.
    await waitFor('Kigo has responded', () => world.kigo.requests('summary')[0]!.status === 200);
    await world.get(paths.badge);
    expect(world.requestLines().map(({ status }) => status)).toEqual([499, 200]);
    expect(await counted()).toBe(1);
  });
});
