import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config/config.js';

/**
 * An address as proxies write it: with a port, in brackets or quotes, with the zone of an interface, or an IPv4 address in the form
 * of an IPv6 one. Written in one way, since it counts calls.
 * @returns undefined when it is no address
 */
export function parseAddress(text: string): string | undefined {
  const unquoted = text.trim().replace(/^"(.*)"$/, '$1');
  const withoutPort =
    /^\[([^\]]*)\](?::\d{1,5})?$/.exec(unquoted)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(unquoted)?.[1];
  const address = (withoutPort ?? unquoted).replace(/%.*$/, '');
  if (isIP(address) === 4) return address;
  if (isIP(address) !== 6) return undefined;
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(canonical);
  if (!mapped) return canonical;
  const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)];
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

/**
 * Replaces what is no address by the address before it, which is the proxy that passed it on. Drops what the trusted proxies have not
 * written: it may be long, and V8 keeps the whole header in memory for as long as an address out of it is remembered.
 */
export function normalizeForwardedFor(header: string, peer: string, trustedProxyHops: number): string {
  let proxy = parseAddress(peer) ?? peer;
  // The last address is that of the client of the nearest proxy.
  const addresses = header
    .split(',')
    .toReversed()
    .slice(0, trustedProxyHops)
    .map((text) => (proxy = parseAddress(text) ?? proxy));
  return addresses.toReversed().join(', ');
}

/** The address of the client, as `request.ip` has it. */
export function clientAddress({ headers, socket }: IncomingMessage, trustedProxyHops: number): string {
  const peer = socket.remoteAddress ?? '';
  const header = trustedProxyHops === 0 ? undefined : headers['x-forwarded-for'];
  if (header === undefined) return peer;
  return normalizeForwardedFor([header].flat().join(','), peer, trustedProxyHops).split(', ')[0]!;
}

/** Makes `request.ip` an address, also where a proxy sends something else. To be registered before anything reads it. */
export function registerForwardedFor(
  instance: FastifyInstance,
  { trustedProxyHops }: Pick<Config, 'trustedProxyHops'>,
): void {
  // The header is then not read.
  if (trustedProxyHops === 0) return;
  instance.addHook('onRequest', ({ raw: { headers, socket } }, _, done) => {
    const header = headers['x-forwarded-for'];
    if (header !== undefined)
      headers['x-forwarded-for'] = normalizeForwardedFor(
        [header].flat().join(','),
        socket.remoteAddress ?? '',
        trustedProxyHops,
      );
    done();
  });
}
