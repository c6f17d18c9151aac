import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { requestContext } from '../log/request-context.js';

/** What a caller's own request id must look like, so that it can do no harm in a log or a header. */
export const REQUEST_ID_PATTERN = '^[\\w.:-]{1,128}$';

const REQUEST_ID = new RegExp(REQUEST_ID_PATTERN);

/** The caller's id if it is well formed, else a new one. */
export function resolveRequestId(header: string | string[] | undefined): string {
  return typeof header === 'string' && REQUEST_ID.test(header) ? header : randomUUID();
}

/** Sends the request id with every response, and puts it on every log line of the request. */
export function registerRequestId(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    requestContext.run({ requestId: request.id }, done);
  });
}
