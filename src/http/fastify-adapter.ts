import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Config } from '../config/config.js';
import { rewriteCallbackUrl } from './callback-url.js';
import { handleClientError, handleFrameworkError } from './client-errors.js';
import { parseQueryString } from './query-string.js';
import { resolveRequestId } from './request-id.js';

const BODY_LIMIT = 1024 * 1024;
/** The size of a request without its body, the URL included. */
const HEADER_LIMIT = 16 * 1024;

/** The HTTP server: its limits, its timeouts, and what it does before Fastify has a request. */
export function createFastifyAdapter({ trustedProxyHops, keepAliveSeconds }: Config): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    // Anybody can send any address in X-Forwarded-For; only these proxies are trusted.
    trustProxy: trustedProxyHops > 0 && ((_, hop) => hop < trustedProxyHops),
    // As long as Node allows a URL to be: an id that is too long gets a 400 that names it.
    routerOptions: { maxParamLength: HEADER_LIMIT, querystringParser: parseQueryString },
    rewriteUrl: rewriteCallbackUrl,
    http: {
      maxHeaderSize: HEADER_LIMIT,
      headersTimeout: 10_000,
      // Node checks for slow requests every 30 s by default.
      connectionsCheckingInterval: 1_000,
      // See rejectInvalidHost.
      requireHostHeader: false,
    },
    requestTimeout: 30_000,
    // Longer than load balancers keep connections: the side that sends requests should be the one to close.
    keepAliveTimeout: Math.ceil(keepAliveSeconds * 1_000),
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // No route has a schema: Nest's pipes validate. To load Fastify's compilers for them all the same takes 20 ms of each start.
    schemaController: {
      compilersFactory: { buildValidator: withoutSchemas, buildSerializer: withoutSchemas },
    },
    genReqId: ({ headers }: { headers: Record<string, string | string[] | undefined> }) =>
      resolveRequestId(headers['x-request-id']),
    frameworkErrors: handleFrameworkError,
    clientErrorHandler: handleClientError,
  });
}

function withoutSchemas(): never {
  throw new Error('A route has a schema for Fastify, and there is nothing that compiles it.');
}
