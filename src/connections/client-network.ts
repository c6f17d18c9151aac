import { isIPv6 } from 'node:net';

/**
 * What counts as one source: an IPv4 address, or the /64 network of an IPv6 address, which is what one host usually has.
 * @param address as Node.js or a proxy reports it; a text that is no address counts as it is. Undefined when the connection has been
 *   closed meanwhile, although Fastify's type of `request.ip` says otherwise.
 */
export function networkOf(address: string | undefined): string {
  if (!address?.includes(':') || !isIPv6(address)) return address ?? '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const groups = head.split(':').filter((group) => group !== '');
  // Only the first four groups matter: where "::" is within them, what it stands for is 0.
  const rest = (tail ?? '').split(':').filter((group) => group !== '');
  const zeros = Array.from<string>({ length: Math.max(0, 8 - groups.length - rest.length) }).fill('0');
  const first = [...groups, ...(tail === undefined ? [] : zeros), ...rest].slice(0, 4);
  return `${first.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
