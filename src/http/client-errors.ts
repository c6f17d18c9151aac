import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problem/problem.js';
import { PROBLEM_MEDIA_TYPE, sendProblem } from '../problem/send-problem.js';
import { toProblem } from '../problem/to-problem.js';

const STATUSES: Record<string, [number, string]> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers are larger than this service accepts.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
};

/** Responds to invalid HTTP and to requests that arrive too slowly. No request exists yet, so it writes to the socket. */
export function handleClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] = STATUSES[error.code ?? ''] ?? [400, 'The request is not valid HTTP.'];
  const requestId = randomUUID();
  const title = STATUS_CODES[status] ?? 'Error';
  const body = JSON.stringify(Problem.untyped(status, title, detail).body(requestId));
  socket.write(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `X-Request-Id: ${requestId}\r\nConnection: close\r\n\r\n${body}`,
  );
  // Not end(): Node's timeouts no longer watch this socket, and the client may never close it.
  socket.destroySoon();
}

/** Responds to requests that Fastify rejects before any hook runs, such as one whose path cannot be decoded. */
export function handleFrameworkError(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply, toProblem(error));
  request.server.logRequest(request, reply);
}

/** A name or an address, and a port (RFC 9110, 7.2). */
const HOST = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-f:.]+\])(?::\d*)?$/i;

/**
 * Requires one valid `Host` in HTTP/1.1 (RFC 9112, 3.2). Node would require that there is one (`requireHostHeader`), but without a
 * response body, and takes the first of several.
 */
export function rejectInvalidHost(instance: FastifyInstance): void {
  instance.addHook('onRequest', ({ raw }, reply, done) => {
    const detail = findHostViolation(raw);
    if (detail === undefined) done();
    else sendProblem(reply, Problem.untyped(400, 'Bad Request', detail));
  });
}

/** @returns what is wrong with the `Host` of a request */
export function findHostViolation({ headers, rawHeaders, httpVersion }: IncomingMessage): string | undefined {
  const { host } = headers;
  if (host === undefined) return httpVersion === '1.1' ? 'The Host header is missing.' : undefined;
  if (countHosts(rawHeaders) > 1) return 'There is more than one Host header.';
  return HOST.test(host) ? undefined : 'The Host header is not valid.';
}

/** @param rawHeaders names and values by turns */
function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (name.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count;
}

/** Serves requests with an unknown `Expect` like all others (RFC 9110, 10.1.1). Node would respond without a body. */
export function ignoreUnknownExpect(instance: FastifyInstance): void {
  for (const server of instance.servers())
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}
