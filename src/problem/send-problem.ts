import type { FastifyReply } from 'fastify';
import type { Problem } from './problem.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** What it was answered with, by its name. */
    problem?: string;
  }
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

const BEARER_CHALLENGE = 'Bearer realm="rewards-gateway"';
/** RFC 9110 wants a challenge with every 401. */
const CHALLENGES: Record<string, string> = {
  'callback-signature': 'Signature realm="kiip-callback"',
};

/** Answers with a problem, and with the headers that go with it. */
export function sendProblem(reply: FastifyReply, problem: Problem): void {
  const { status, fields: members, problemName: shortName } = problem;
  if (shortName !== undefined) reply.request.problem = shortName;
  reply.header('x-request-id', reply.request.id);
  if (members.retry_after_seconds !== undefined)
    reply.header('retry-after', String(members.retry_after_seconds));
  if (status === 401) reply.header('www-authenticate', CHALLENGES[shortName ?? ''] ?? BEARER_CHALLENGE);
  // Serialized here: Fastify's serializers are for the success answers of a route.
  reply
    .status(status)
    .type(PROBLEM_MEDIA_TYPE)
    .send(JSON.stringify(problem.body(reply.request.id)));
}
