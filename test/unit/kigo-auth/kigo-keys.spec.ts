import { readConfig } from '../../../src/config/read-config.js';
import { createToken } from '../../../src/kigo-auth/kigo-token.js';
import { KigoHttp, kigoKeyPrefix } from '../../../src/kigo-auth/kigo-http.js';
import { BreakerRegistry } from '../../../src/upstream/breaker-registry.js';
import { baseEnvironment } from '../../support/gateway.js';

const scope = (env: Record<string, string> = {}) => kigoKeyPrefix(readConfig({ ...baseEnvironment, ...env }));

describe('a cache key', () => {
  it('is another one for another partner, and for another Kigo', () => {
    const scopes = [
      scope(),
      scope({ KIGO_PARTNER_ID: 'another' }),
      scope({ KIGO_BASE_URL: 'https://kigo.example' }),
    ];
    expect(new Set(scopes).size).toBe(3);
    expect(scope()).toBe(scopes[0]);
  });

  it('keeps ids apart whatever they are made of', () => {
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

describe('a token', () => {
  it.each([
    [0, 60],
    [1, 80],
  ])('is renewed between 60 and 80 % of its life, by chance: %d', (random, at) => {
    expect(createToken('t', 1_000, 100_000, random).refreshAt).toBe(1_000 + at * 1_000);
  });

  it('draws another moment each time', () => {
    const moments = Array.from({ length: 20 }, () => createToken('t', 0, 100_000).refreshAt);
    expect(new Set(moments).size).toBeGreaterThan(15);
  });
});
