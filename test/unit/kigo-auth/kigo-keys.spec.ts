import { readConfig } from '../../../src/config/read-config.js';
import { createToken } from '../../../src/kigo-auth/kigo-token.js';
import { KigoHttp, kigoKeyPrefix } from '../../../src/kigo-auth/kigo-http.js';
import { BreakerRegistry } from '../../../src/upstream/breaker-registry.js';
import { baseEnvironment } from '../../support/gateway.js';

const scope = (env: Record<string, string> = {}) => kigoKeyPrefix(readConfig({ ...baseEnvironment, ...env }));

describe('a Kigo cache key', () => {
  it('differs for another partner and for another Kigo', () => {
    const scopes = [
      scope(),
      scope({ KIGO_PARTNER_ID: 'another' }),
      scope({ KIGO_BASE_URL: 'http://127.0.0.2' }),
    ];
    expect(new Set(scopes).size).toBe(3);
    expect(scope()).toBe(scopes[0]);
  });

  it('differs for different ids, whatever characters they contain', () => {
    const http = new KigoHttp('scope', {
      breakers: new BreakerRegistry(),
      upstream: 'kigo',
      baseUrl: 'http://127.0.0.1:1',
      operations: [],
      timeoutMs: 1,
      deadlineMs: 1,
      concurrency: 1,
      queue: 1,
      interceptors: [],
    });
    const pairs = [
      ['a:b', 'c'],
      ['a', 'b:c'],
      ['a%3Ab', 'c'],
      ['a', 'b', 'c'],
    ];
    expect(new Set(pairs.map((ids) => http.cacheKey('account:v1', ...ids))).size).toBe(pairs.length);
  });
});

describe('a Kigo token', () => {
  it.each([
    [0, 60],
    [1, 80],
  ])('is refreshed at a random point in 60 to 80 %% of its TTL: %d', (random, at) => {
    expect(createToken('t', 1_000, 100_000, random).refreshAt).toBe(1_000 + at * 1_000);
  });

  it('gets another time to refresh at each login', () => {
    const times = Array.from({ length: 20 }, () => createToken('t', 0, 100_000).refreshAt);
    expect(new Set(times).size).toBeGreaterThan(15);
  });
});
