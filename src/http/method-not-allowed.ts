import { METHODS } from 'node:http';
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { methodNotAllowed, notFound } from '../problem/problem-catalogue.js';
import { sendProblem } from '../problem/send-problem.js';

/** Methods that ask about a resource, and need no body in the response. */
const BODILESS = new Set(['HEAD', 'OPTIONS']);

interface KnownPath {
  readonly methods: Set<string>;
  readonly kind: FastifyContextConfig['kind'];
}

/**
 * Responds with 404 to unknown paths, and with 405 and `Allow` to methods that a known path does not have; Fastify would
 * respond with 404. Neither reads a body.
 * @returns adds the routes that respond with 405; to be called when all other routes exist
 */
export function registerMethodNotAllowed(instance: FastifyInstance): () => void {
  // Node reads more methods than Fastify routes. It never passes on CONNECT.
  for (const method of METHODS)
    if (method !== 'CONNECT' && !instance.supportedMethods.includes(method)) instance.addHttpMethod(method);
  instance.addHook('onRequest', (request, reply, done) => {
    if (request.is404) sendProblem(reply, notFound());
    else done();
  });
  const paths = new Map<string, KnownPath>();
  instance.addHook('onRoute', ({ url, method, config }) => {
    const path = paths.get(url) ?? { methods: new Set(), kind: config?.kind };
    for (const name of [method].flat()) path.methods.add(name.toUpperCase());
    paths.set(url, path);
  });
  return () => {
    for (const [url, { methods, kind }] of paths) {
      const others = instance.supportedMethods.filter((method) => !methods.has(method));
      if (others.length === 0) continue;
      const allowed = [...methods].toSorted().join(', ');
      const reject = ({ method }: FastifyRequest, reply: FastifyReply) => {
        reply.header('allow', allowed);
        // An operator or a vendor may check a callback URL before using it.
        if (kind === 'callback' && BODILESS.has(method)) void reply.code(204).send();
        else sendProblem(reply, methodNotAllowed(allowed));
      };
      // The hook responds before the body is read, which may be of any media type.
      instance.route({
        method: others,
        url,
        ...(kind && { config: { kind } }),
        onRequest: reject,
        handler: reject,
      });
    }
  };
}
