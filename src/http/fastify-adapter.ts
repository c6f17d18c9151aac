import type { IncomingMessage } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Config } from '../config/config.js';
import { rewriteCallbackUrl } from './callback-url.js';
import { rewriteConsoleUrl } from './console-calls.js';
import { handleClientError, handleFrameworkError } from './client-errors.js';
import { parseQueryString } from './query-string.js';
import { resolveRequestId } from './request-id.js';
import { HEADER_LIMIT, serverOptions } from './server-limits.js';

const BODY_LIMIT = 1024 * 1024;

/** The HTTP server: its limits, its timeouts, and what it does before Fastify has a request. */
export function createFastifyAdapter(config: Config): FastifyAdapter {
  const { trustedProxyHops } = config;
  const http = serverOptions(config);
  return new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    // Anybody can send any address in X-Forwarded-For; only these proxies are trusted.
    trustProxy: trustedProxyHops > 0 && ((_, hop) => hop < trustedProxyHops),
    // As long as Node allows a URL to be: an id that is too long gets a 400 that names it.
    routerOptions: { maxParamLength: HEADER_LIMIT, querystringParser: parseQueryString },
    rewriteUrl: config.console
      ? (request: IncomingMessage) => rewriteConsoleUrl(request) ?? rewriteCallbackUrl(request)
      : rewriteCallbackUrl,
    http,
    // Fastify sets these on its server itself.
    requestTimeout: http.requestTimeout,
    keepAliveTimeout: http.keepAliveTimeout,
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
