import * as fc from 'fast-check';
import { parseQueryString } from '../../../src/http/query-string.js';
import { workOf } from '../../support/cpu-work.js';

describe('a query string', () => {
  it('is read as the URL standard reads it, but for repeats, while it is decodable', () => {
    const text = fc.string({ unit: 'binary', maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 5 }), (pairs) => {
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
  ])('"%s" means %j', (query, members) => {
    expect({ ...parseQueryString(query) }).toEqual(members);
  });

  it('cannot reach a prototype', () => {
    const members = parseQueryString('__proto__=x&constructor=y&__proto__=z');

    expect(Object.getPrototypeOf(members)).toBeNull();
    expect(Object.entries(members)).toEqual([
      ['__proto__', ['x', 'z']],
      ['constructor', 'y'],
    ]);
  });

  it('takes equal pairs in little more time than different ones', async () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `a${index}`);
    const [equal, different] = [names.map(() => 'a').join('&'), names.join('&')];
    const usual = await workOf(() => parseQueryString(different));

    expect(await workOf(() => parseQueryString(equal))).toBeLessThan(20 * usual);
  });
});
