import { isIPv4, isIPv6 } from 'node:net';

/** What counts as one source: an IPv4 address, or the /64 network of an IPv6 address, of which anybody has 2^64. */
export function sourceOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1] ?? address;
  if (isIPv4(mapped)) return mapped;
  if (!isIPv6(address)) return 'unknown';
  const [left = [], right] = address
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16))));
  const zeros = Array.from({ length: right ? 8 - left.length - right.length : 0 }, () => 0);
  const network = [...left, ...zeros, ...(right ?? [])].slice(0, 4);
  return `${network.map((group) => group.toString(16)).join(':')}::/64`;
}
