import { METHODS } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problem/problem.js';
import { sendProblem } from '../problem/send-problem.js';
import { notFound } from '../problem/to-problem.js';

/**
 * Makes known paths answer 405, with `Allow`, to the methods that they do not have; without this they would say 404.
 * Neither these nor unknown paths read a body.
 * @returns what is to be called once all routes are there
 */
export function registerMethodNotAllowed(instance: FastifyInstance): () => void {
  // Node reads more methods than Fastify routes. CONNECT never comes this far.
  for (const method of METHODS)
    if (method !== 'CONNECT' && !instance.supportedMethods.includes(method)) instance.addHttpMethod(method);
  instance.addHook('onRequest', (request, reply, done) => {
    if (request.is404) sendProblem(reply, notFound());
    else done();
  });
  const known = new Map<string, Set<string>>();
  instance.addHook('onRoute', ({ url, method }) => {
    const methods = known.get(url) ?? new Set();
    for (const name of [method].flat()) methods.add(name.toUpperCase());
    known.set(url, methods);
  });
  return () => {
    for (const [url, methods] of known) {
      const others = instance.supportedMethods.filter((method) => !methods.has(method));
      if (others.length === 0) continue;
      const allowed = [...methods].toSorted().join(', ');
      const refuse = (_: FastifyRequest, reply: FastifyReply) => {
        reply.header('allow', allowed);
        sendProblem(reply, Problem.of('method-not-allowed', `Allowed methods: ${allowed}.`));
      };
      // As a hook it comes before the body, which may be none that we read.
      instance.route({ method: others, url, onRequest: refuse, handler: refuse });
    }
  };
}
