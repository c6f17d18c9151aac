import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../problem/problem.js';
import { PROBLEM_MEDIA_TYPE, sendProblem } from '../problem/send-problem.js';

const STATUSES: Record<string, [number, string]> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers are larger than this service accepts.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
};

/** Answers what is not even HTTP, or arrives too slowly: no request exists yet, so the answer is written to the socket. */
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
  // Not end(): Node's timeouts no longer watch this socket, and its other side may never close.
  socket.destroySoon();
}

/** What Node would refuse by itself, without a body: a missing `Host` (with `requireHostHeader` off), an `Expect` that nobody knows. */
export function answerOddHeaders(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, reply, done) => {
    if (request.raw.httpVersion === '1.1' && request.headers.host === undefined)
      sendProblem(reply, Problem.untyped(400, 'Bad Request', 'The Host header is missing.'));
    else done();
  });
  // Whoever expects what we do not know is answered as everybody else (RFC 9110, 10.1.1).
  instance.server.on('checkExpectation', (request, response) =>
    instance.server.emit('request', request, response),
  );
}
