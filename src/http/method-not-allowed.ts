import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from 'fastify';
import createRouter from 'find-my-way';
import { methodNotAllowed, notFound } from '../problem/problem-catalogue.js';
import { sendProblem } from '../problem/send-problem.js';

interface KnownPath {
  readonly url: string;
  readonly config: Pick<FastifyContextConfig, 'kind'>;
  readonly methods: Set<string>;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Finds the path that has routes and fits a URL. */
    findPath(url: string): KnownPath | undefined;
  }
}

/** Makes the paths of all routes known. To be called before the first route is added. */
export function registerKnownPaths(instance: FastifyInstance): void {
  // Fastify's own router, once more: it would need a route for each method that a path does not have, a thousand in all.
  const router = createRouter({ maxParamLength: Infinity });
  const paths = new Map<string, KnownPath>();
  instance.addHook('onRoute', ({ url, method, config = {} }) => {
    let path = paths.get(url);
    if (path === undefined) {
      path = { url, config, methods: new Set() };
      paths.set(url, path);
      router.on('GET', url, () => undefined, path);
    }
    for (const name of [method].flat()) path.methods.add(name.toUpperCase());
  });
  instance.decorate('findPath', (url) => router.find('GET', url)?.store as KnownPath | undefined);
}

/** The route of a request, or the path that does not have its method. Without a `url` when there is none. */
export function routeOf(request: FastifyRequest): Omit<KnownPath, 'url' | 'methods'> & { url?: string } {
  return (request.is404 && request.server.findPath(request.url)) || request.routeOptions;
}

/** Methods that ask about a resource, and need no body in the response. */
const BODILESS = new Set(['HEAD', 'OPTIONS']);

/**
 * Responds with 404 to unknown paths, and with 405 and `Allow` to methods that a known path does not have; Fastify would
 * respond with 404. Neither reads a body.
 */
export function registerMethodNotAllowed(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done();
    const path = instance.findPath(request.url);
    if (path === undefined) return sendProblem(reply, notFound());
    const allowed = [...path.methods].toSorted().join(', ');
    reply.header('allow', allowed);
    // An operator or a vendor may check a callback URL before using it.
    if (path.config.kind === 'callback' && BODILESS.has(request.method)) void reply.code(204).send();
    else sendProblem(reply, methodNotAllowed(allowed));
  });
}
