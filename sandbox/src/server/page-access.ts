import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Lets pages of these origins read what is answered (CORS).
 * @returns `preflight` when that was the whole request: it is answered; `foreign` for a page of another origin
 */
export function pageAccess(
  origins: readonly string[],
  { method, headers }: IncomingMessage,
  response: ServerResponse,
): 'preflight' | 'foreign' | 'allowed' {
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
