import type { FastifyInstance } from 'fastify';
import { Problem } from '../problem/problem.js';
import { sendProblem } from '../problem/send-problem.js';

/**
 * Ignores the media type of a request without a body, which says nothing: many clients send one with every POST. Rejects content
 * codings, which would be read as a body that is broken.
 */
export function registerRequestBodyRules(instance: FastifyInstance): void {
  instance.addHook('onRequest', ({ headers, routeOptions }, reply, done) => {
    const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
    // To a callback, what is missing is the callback.
    if (!hasBody && routeOptions.config.kind !== 'callback') delete headers['content-type'];
    const coding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
    if (!hasBody || coding === 'identity' || coding === '') return done();
    // RFC 9110, 12.5.3
    reply.header('accept-encoding', 'identity');
    sendProblem(
      reply,
      Problem.untyped(415, 'Unsupported Media Type', 'The body must not have a content coding.'),
    );
  });
}
