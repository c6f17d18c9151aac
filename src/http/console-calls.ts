import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';

const PREFIX = '/console';
const API = `${PREFIX}/api/`;

/**
 * Fastify's `rewriteUrl`: the console calls the API under its own path, so that it is of one origin with it on every port. The request
 * is then any other one: the same guards, limits and log.
 */
export function rewriteConsoleUrl({ url = '/' }: IncomingMessage): string | undefined {
  return url.startsWith(API) ? url.slice(PREFIX.length) : undefined;
}

/** Whether a request came under the path of the console, which its port must serve. */
export function isConsoleCall({ originalUrl }: FastifyRequest): boolean {
  return originalUrl.startsWith(API);
}
