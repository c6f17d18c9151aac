import type { ProblemBody } from '../../src/problem/problem.js';
import type { FaultRule } from '@rewards-gateway/sandbox';
import { canary, paths, requestId, urn, setupLeakDetection, user } from '../support/leak-detection.js';
import { problemIn } from '../support/problem.js';

const world = setupLeakDetection();

const body = `${canary} of Kigo`;

function onLookup(rule: Partial<FaultRule>) {
  return () => void world.kigo.addFault({ route: 'lookup', ...rule } as FaultRule);
}

describe('a failure of Kigo', () => {
  it.each<[string, () => void, Partial<ProblemBody>, calls: number]>([
    [
      '500',
      onLookup({ kind: 'status', status: 500, body }),
      { status: 502, type: urn('upstream-failed'), retryable: true },
      3,
    ],
    [
      'a proxy’s 502',
      onLookup({ kind: 'bad-gateway' }),
      { status: 502, type: urn('upstream-failed'), retryable: true },
      3,
    ],
    [
      'a reset connection',
      onLookup({ kind: 'reset' }),
      { status: 502, type: urn('upstream-failed'), retryable: true },
      3,
    ],
    [
      'a response that is cut off',
      onLookup({ kind: 'cut-off' }),
      { status: 502, type: urn('upstream-failed'), retryable: true },
      3,
    ],
    [
      '400',
      onLookup({ kind: 'status', status: 400, body }),
      { status: 502, type: urn('upstream-failed'), retryable: false },
      1,
    ],
    [
      '403',
      onLookup({ kind: 'status', status: 403, body }),
      { status: 502, type: urn('upstream-failed'), retryable: false },
      1,
    ],
    [
      'a redirect',
      onLookup({ kind: 'redirect', location: `https://${canary}.example/` }),
      { status: 502, type: urn('upstream-failed'), retryable: false },
      1,
    ],
    ['HTML', onLookup({ kind: 'html' }), { status: 502, type: urn('upstream-failed'), retryable: false }, 1],
    [
      'a response with other fields',
      onLookup({ kind: 'json', body: { [canary]: canary } }),
      { status: 502, type: urn('upstream-failed'), retryable: false },
      1,
    ],
    [
      'an account id that is not a string',
      onLookup({ kind: 'json', body: { account_id: { [canary]: 1 } } }),
      { status: 502, type: urn('upstream-failed'), retryable: false },
      1,
    ],
    [
      'broken JSON',
      onLookup({ kind: 'truncated' }),
      { status: 502, type: urn('upstream-failed'), retryable: false },
      1,
    ],
    [
      'a response that is too large',
      onLookup({ kind: 'gzip-bomb' }),
      { status: 502, type: urn('upstream-failed'), retryable: false },
      1,
    ],
    [
      'no response',
      onLookup({ kind: 'hang' }),
      { status: 504, type: urn('upstream-timeout'), retryable: true },
      3,
    ],
    [
      'a response that stops halfway',
      onLookup({ kind: 'slow-body', delayMs: 60_000 }),
      { status: 504, type: urn('upstream-timeout'), retryable: true },
      3,
    ],
    [
      '429',
      onLookup({ kind: 'rate-limited', retryAfter: 17 }),
      { status: 503, type: urn('upstream-busy'), retry_after_seconds: 17 },
      1,
    ],
    [
      '503',
      onLookup({ kind: 'unavailable', retryAfter: 23 }),
      { status: 503, type: urn('upstream-busy'), retry_after_seconds: 23 },
      1,
    ],
    [
      '503 without Retry-After',
      onLookup({ kind: 'unavailable' }),
      { status: 503, type: urn('upstream-busy'), retry_after_seconds: 1 },
      3,
    ],
    [
      'a rejected API key',
      () => void world.kigo.configure({ apiKeys: ['another'] }),
      { status: 502, type: urn('upstream-failed'), retryable: false },
      0,
    ],
    [
      'a rejected partner',
      () => void world.kigo.configure({ partnerDisabled: true }),
      { status: 502, type: urn('upstream-failed'), retryable: false },
      0,
    ],
    [
      'a rejection of every token',
      () => void world.kigo.configure({ issueExpiredTokens: true }),
      { status: 502, type: urn('upstream-failed'), retryable: false },
      2,
    ],
    [
      'a login without a token',
      () => void world.kigo.configure({ loginToken: 'null' }),
      { status: 502, type: urn('upstream-failed'), retryable: false },
      0,
    ],
  ])('becomes a problem response when Kigo sends or causes %s', async (_, arrange, expected, calls) => {
    arrange();
    const response = await world.get(paths.badge);
    const problem = problemIn(response);

    expect(problem).toMatchObject({ ...expected, upstream: 'kigo', instance: requestId });
    expect(response.headers['retry-after']).toBe(expected.retry_after_seconds?.toString());
    expect(response.headers['www-authenticate']).toBeUndefined();
    expect(world.kigo.requests('lookup')).toHaveLength(calls);
    expect(world.requestLines()).toEqual([expect.objectContaining({ status: problem.status })]);
    world.expectLinesOf(requestId);
  });

  it('is reported for the affected user of a batch only', async () => {
    world.kigo.setAccount({ external_user_id: 'well', external_program_id: 'p', unviewed_products: 3 });
    world.kigo.addFault({ route: 'lookup', user: 'unwell', kind: 'status', status: 500, body });
    const users = ['well', 'unwell', 'unknown'].map((id) => ({
      external_user_id: id,
      external_program_id: 'p',
    }));
    const response = await world.post(paths.batch, JSON.stringify({ users }));

    expect(response.status).toBe(200);
    expect(response.body).toMatchObject({
      results: [
        { count: 3 },
        { problem: { type: urn('upstream-failed'), status: 502, upstream: 'kigo', instance: requestId } },
        { problem: { type: urn('account-not-found'), status: 404, instance: requestId } },
      ],
    });
    world.expectLinesOf(requestId);
  });

  it('becomes a 502 problem when Kigo cannot be reached', async () => {
    await world.kigo.close();

    expect(problemIn(await world.get(paths.badge))).toMatchObject({
      status: 502,
      type: urn('upstream-failed'),
      upstream: 'kigo',
      retryable: true,
    });
    world.expectLinesOf(requestId);
  });

  it('opens the circuit breaker when it repeats, so that calls get 503 without reaching Kigo', async () => {
    world.kigo.addFault({ route: 'lookup', kind: 'status', status: 500, body });
    for (let call = 0; call < 3; call += 1) await world.get(paths.badge);
    const asked = world.kigo.requests('lookup').length;
    const response = await world.get(paths.badge);

    expect(problemIn(response)).toMatchObject({ status: 503, type: urn('upstream-busy'), upstream: 'kigo' });
    expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(response.headers['retry-after'])).toBeLessThanOrEqual(7);
    expect(world.kigo.requests('lookup')).toHaveLength(asked);
    world.expectLinesOf(requestId);
  });

  it('becomes a 404 problem when Kigo does not know the user', async () => {
    world.kigo.removeAccount(user);
    for (const path of [paths.badge, paths.account, '/api/v1/accounts/none/hub-summary'])
      expect(problemIn(await world.get(path))).toMatchObject({ status: 404, type: urn('account-not-found') });
    world.expectLinesOf(requestId);
  });
});
