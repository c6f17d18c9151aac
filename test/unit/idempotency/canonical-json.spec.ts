import { canonicalJson } from '../../../src/idempotency/idempotency.service.js';

describe('canonicalJson', () => {
  it('is the same for any order of the fields', () => {
    const one = { a: 1, b: { c: [1, { d: 2, e: 3 }], f: null } };
    const other = { b: { f: null, c: [1, { e: 3, d: 2 }] }, a: 1 };
    expect(canonicalJson(other)).toBe(canonicalJson(one));
  });

  it.each<[unknown, unknown]>([
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ a: '1' }, { a: 1 }],
    [{ a: null }, {}],
    [{ a: { b: 1 } }, { a: 1, b: 1 }],
  ])('differs for %j and %j', (one, other) => {
    expect(canonicalJson(one)).not.toBe(canonicalJson(other));
  });
});
