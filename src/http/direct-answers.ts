import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyContextConfig, FastifyInstance } from 'fastify';
import { roundDuration } from './access-log.js';
import { CLIENT_CLOSED_REQUEST } from './client-abort.js';
import { findHostViolation } from './client-errors.js';
import { clientAddress } from './forwarded-for.js';
import { resolveRequestId } from './request-id.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route answers from memory is sent before Fastify handles the request. */
    direct?: true;
  }
}

type Headers = Readonly<Record<string, string>>;
interface Route {
  readonly url: string;
  readonly config: FastifyContextConfig;
}

/** Who decides about a request. A request that one of them cannot decide about at once, none of them has counted. */
export interface DirectServices {
  readonly callers: {
    recall(
      header: string | undefined,
      address: string,
      scope: NonNullable<FastifyContextConfig['scope']>,
    ): { readonly name: string | undefined } | undefined;
  };
  readonly limits: {
    takeNow(route: Route, caller: string | undefined, address: string): Headers | undefined;
  };
  readonly answers: {
    find(query: string): { readonly body: string; readonly headers: Headers } | undefined;
    countSent(): void;
  };
}

/** Headers of requests that something else has to be done for than to answer from memory. */
const SPECIAL_HEADERS = ['cache-control', 'content-length', 'transfer-encoding', 'expect'] as const;

/**
 * Answers from memory, in one go, what needs no waiting: most requests are such, and the hooks, guards, pipes and promises of
 * Fastify and Nest take several times as long as the answer. It is the answer that the route would give. All other requests, also
 * those that will be refused, go on to Fastify, and nothing of them is counted here.
 */
export function registerDirectAnswers(
  instance: FastifyInstance,
  { trustedProxyHops }: { readonly trustedProxyHops: number },
  { callers, limits, answers }: DirectServices,
): void {
  let route: Route | undefined;
  let prefix = '';
  instance.addHook('onRoute', ({ method, url, config }) => {
    if (method !== 'GET' || config?.direct === undefined) return;
    route = { url, config };
    prefix = `${url}?`;
  });

  const answer = (request: IncomingMessage, response: ServerResponse): boolean => {
    const { method, url, headers } = request;
    if (route === undefined || method !== 'GET' || !url!.startsWith(prefix) || instance.isDraining())
      return false;
    for (const name of SPECIAL_HEADERS) if (headers[name] !== undefined) return false;
    if (headers.host === undefined || findHostViolation(request) !== undefined) return false;
    const startedAt = performance.now();
    const found = answers.find(url!.slice(prefix.length));
    if (!found) return false;
    const address = clientAddress(request, trustedProxyHops);
    const caller = callers.recall(headers.authorization, address, route.config.scope!);
    const limit = caller && limits.takeNow(route, caller.name, address);
    if (!limit) return false;
    answers.countSent();
    const requestId = resolveRequestId(headers['x-request-id']);
    response.writeHead(200, {
      'x-request-id': requestId,
      ...limit,
      ...found.headers,
      'content-type': 'application/json; charset=utf-8',
      'content-length': found.body.length,
    });
    response.end(found.body);
    const { url: routeUrl } = route;
    const complete = (status: number) =>
      instance.logCompleted(requestId, {
        method: 'GET',
        route: routeUrl,
        status,
        durationMs: roundDuration(performance.now() - startedAt),
        caller: caller.name,
        problem: undefined,
      });
    // Mostly the system has taken the whole response by now. What is written to a lost connection is dropped.
    const { socket } = response;
    if (socket?.writableLength === 0 && socket.writable) complete(200);
    else response.on('close', () => complete(response.writableFinished ? 200 : CLIENT_CLOSED_REQUEST));
    return true;
  };

  // Fastify's own listener: see `getServerInstance` of fastify/lib/server.js.
  // oxlint-disable-next-line typescript/unbound-method
  instance.server.off('request', instance.routing);
  instance.server.on('request', (request, response) => {
    if (!answer(request, response)) instance.routing(request, response);
  });
}
