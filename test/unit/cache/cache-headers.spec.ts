import { cacheHeaders, worstOf } from '../../../src/cache/cache-headers.js';

const now = 1_800_000_000_000;

describe('cacheHeaders', () => {
  it.each([
    ['whole seconds, rounded down', now - 1_999, now + 2_999, '1', '2'],
    ['nothing below zero', now + 5_000, now - 5_000, '0', '0'],
    ['31 bits at most', 0, now + 1e15, '1800000000', '2147483647'],
  ])('gives %s', (_, requestedAt, freshUntil, age, maxAge) => {
    expect(cacheHeaders({ requestedAt, freshUntil, provenance: 'hit' }, now)).toEqual({
      age,
      'cache-control': `private, max-age=${maxAge}`,
      'cache-status': 'rewards-gateway; hit',
    });
  });

  it.each([
    ['hit', 'miss', 'miss'],
    ['stale', 'bypass', 'stale'],
    ['expired', 'miss', 'expired'],
  ] as const)('worstOf %s and %s gives %s', (one, other, worst) => {
    const parts = [
      { asOf: 1, requestedAt: 4, freshUntil: 20, provenance: one },
      { asOf: 2, requestedAt: 3, freshUntil: 10, provenance: other },
    ] as const;
    expect(worstOf(...parts)).toEqual({
      asOf: 1,
      requestedAt: 3,
      freshUntil: 10,
      provenance: worst,
    });
  });
});
