import { InvalidValueError, hosts } from '../../../src/config/parsers.js';

describe('a list of hosts', () => {
  it('holds hosts with and without a port', () => {
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
  ])('does not hold "%s"', (text) => {
    expect(() => hosts(text)).toThrow(InvalidValueError);
  });
});
