import { InvalidValueError, hosts } from '../../../src/config/parsers.js';

describe('the parser of host lists', () => {
  it('accepts hosts with and without a port', () => {
    expect(hosts('api.kiip.me, localhost:4000\n[::1]:80')).toEqual([
      'api.kiip.me',
      'localhost:4000',
      '[::1]:80',
    ]);
  });

  it.each([
    '',
    'https://api.kiip.me',
    'api.kiip.me/x',
    'user@api.kiip.me',
    'api.kiip.me:99999',
    'a b',
    'a?b',
    'a\\b',
  ])('rejects "%s"', (value) => {
    expect(() => hosts(value)).toThrow(InvalidValueError);
  });
});
