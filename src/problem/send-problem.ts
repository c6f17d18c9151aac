import type { FastifyReply } from 'fastify';
import type { Problem } from './problem.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The name of the problem that was sent. */
    problem?: string;
  }
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

const BEARER_CHALLENGE = 'Bearer realm="rewards-gateway"';
/** RFC 9110 requires a challenge with every 401. */
const CHALLENGES: Record<string, string> = {
  'callback-signature': 'Signature realm="kiip-callback"',
};

/** Sends a problem, with its headers. */
export function sendProblem(reply: FastifyReply, problem: Problem): void {
  const { status, fields, problemName } = problem;
  if (problemName !== undefined) reply.request.problem = problemName;
  reply.header('x-request-id', reply.request.id);
  if (fields.retry_after_seconds !== undefined)
    reply.header('retry-after', String(fields.retry_after_seconds));
  if (status === 401) reply.header('www-authenticate', CHALLENGES[problemName ?? ''] ?? BEARER_CHALLENGE);
  // Serialized here: Fastify's serializers are for the success responses of a route.
  reply
    .status(status)
    .type(PROBLEM_MEDIA_TYPE)
    .send(JSON.stringify(problem.body(reply.request.id)));
}
