import * as fc from 'fast-check';
import { parseQueryString } from '../../../src/http/query-string.js';
import { workOf } from '../../support/cpu-work.js';

describe('parseQueryString', () => {
  it('agrees with URLSearchParams on decodable strings, but for repeated names', () => {
    const string = fc.string({ unit: 'binary', maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(string, string), { maxLength: 5 }), (pairs) => {
        const query = new URLSearchParams(pairs);
        const expected = [...new Set(query.keys())].map((name) => {
          const values = query.getAll(name);
          return [name, values.length === 1 ? values[0] : values];
        });

        expect(new Map(Object.entries(parseQueryString(String(query))))).toEqual(
          new Map(expected as [string, unknown][]),
        );
      }),
    );
  });

  it.each([
    ['', {}],
    ['&&', {}],
    ['a', { a: '' }],
    ['a=b=c', { a: 'b=c' }],
    ['a=1+2%2B3', { a: '1 2+3' }],
    ['a=1&b=2&a=3&a=4', { a: ['1', '3', '4'], b: '2' }],
    ['a=%FF', { a: '\uD800' }],
    ['a=x%zzy', { a: '\uD800' }],
  ])('parses "%s" as %j', (query, parameters) => {
    expect({ ...parseQueryString(query) }).toEqual(parameters);
  });

  it('does not set a prototype', () => {
    const parameters = parseQueryString('__proto__=x&constructor=y&__proto__=z');

    expect(Object.getPrototypeOf(parameters)).toBeNull();
    expect(Object.entries(parameters)).toEqual([
      ['__proto__', ['x', 'z']],
      ['constructor', 'y'],
    ]);
  });

  it('parses repeated names in a time that does not explode', async () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `a${index}`);
    const [equal, different] = [names.map(() => 'a').join('&'), names.join('&')];
    const baseline = await workOf(() => parseQueryString(different));

    expect(await workOf(() => parseQueryString(equal))).toBeLessThan(20 * baseline);
  });
});
