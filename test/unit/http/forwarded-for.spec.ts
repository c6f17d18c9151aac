import { normalizeForwardedFor, parseAddress } from '../../../src/http/forwarded-for.js';

it.each([
  ['203.0.113.9', '203.0.113.9'],
  [' 203.0.113.9 ', '203.0.113.9'],
  ['203.0.113.9:4711', '203.0.113.9'],
  ['"203.0.113.9:4711"', '203.0.113.9'],
  ['2001:db8::1', '2001:db8::1'],
  ['2001:DB8:0:0::0:1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['"[2001:db8::1]:443"', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['::ffff:cb00:7109', '203.0.113.9'],
])('reads the address %j as %s', (text, address) => {
  expect(parseAddress(text)).toBe(address);
});

it.each([
  '',
  'unknown',
  '_hidden',
  'localhost',
  '203.0.113',
  '203.0.113.9:',
  '203.0.113.9:port',
  '[2001:db8::1',
  '1',
  '::1]',
])('reads no address in %j', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

it.each([
  ['203.0.113.9:1, 198.51.100.7', '203.0.113.9, 198.51.100.7'],
  ['unknown, 198.51.100.7:99', '198.51.100.7, 198.51.100.7'],
  ['203.0.113.9, garbage', '203.0.113.9, 10.0.0.1'],
  ['', '10.0.0.1'],
])('counts what is no address in %j as the proxy', (header, normalized) => {
  expect(normalizeForwardedFor(header, '::ffff:10.0.0.1', 2)).toBe(normalized);
});

it('keeps the addresses that trusted proxies have written, and not what the client may have sent', () => {
  const header = `${'x,'.repeat(8_000)} 203.0.113.9, 198.51.100.7`;
  expect(normalizeForwardedFor(header, '10.0.0.1', 1)).toBe('198.51.100.7');
  expect(normalizeForwardedFor(header, '10.0.0.1', 2)).toBe('203.0.113.9, 198.51.100.7');
});
