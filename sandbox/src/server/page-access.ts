import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';

/**
 * Lets pages of these origins read what is answered (CORS).
 * @param ownHost the host that the sandbox listens on
 * @returns `preflight` when that was the whole request: it is answered; `foreign` for a page of another origin, or under another name
 */
export function pageAccess(
  origins: readonly string[],
  ownHost: string,
  { method, headers }: IncomingMessage,
  response: ServerResponse,
): 'preflight' | 'foreign' | 'allowed' {
  if (!isOwnHost(headers.host, ownHost)) return 'foreign';
  if (headers.origin === undefined) return 'allowed';
  response.setHeader('vary', 'origin');
  if (!origins.includes(headers.origin)) return 'foreign';
  response.setHeader('access-control-allow-origin', headers.origin);
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return 'allowed';
  response.writeHead(204, {
    'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
    'access-control-allow-headers': 'content-type',
    'access-control-max-age': '600',
  });
  response.end();
  return 'preflight';
}

/** Anybody can point a name of their own at this machine, and their page is then of one origin with the sandbox (DNS rebinding). */
function isOwnHost(host: string | undefined, ownHost: string): boolean {
  const name = URL.parse(`http://${host}`)?.hostname ?? '';
  return name === 'localhost' || name === ownHost || isIP(name.replaceAll(/[[\]]/g, '')) !== 0;
}
