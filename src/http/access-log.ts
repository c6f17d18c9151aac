import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { createLineWriter } from '../log/logger.js';
import { CLIENT_CLOSED_REQUEST, onClientAbort } from './client-abort.js';
import { routeOf } from './method-not-allowed.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The id of the ledger entry that a callback has, so that an entry leads to the log. */
    ledgerId?: string | undefined;
  }
  interface FastifyInstance {
    /** Logs and counts a request that is over. */
    logRequest(request: FastifyRequest, reply: FastifyReply, status?: number): void;
    /** The same, of a request that Fastify has not seen. */
    logCompleted(requestId: string, completed: CompletedRequest): void;
  }
}

export interface CompletedRequest {
  readonly method: string;
  /** The route template; undefined when no route matched. */
  readonly route: string | undefined;
  readonly status: number;
  readonly durationMs: number;
  readonly caller: string | undefined;
  /** The name of the problem that was sent. */
  readonly problem: string | undefined;
}

/**
 * Writes one log line per request, also when the client closes the connection early, and passes it on to `onCompleted`. Probes and
 * scrapes that succeed are lines of the level debug: a gateway at rest would log little else.
 */
export function registerAccessLog(
  instance: FastifyInstance,
  logger: Logger,
  onCompleted: (completed: CompletedRequest, request?: FastifyRequest) => void,
): void {
  const writeLine = createLineWriter(logger);
  instance.decorate('logRequest', (request, reply, status = reply.statusCode) => {
    const { id: requestId, method, caller, problem, ledgerId: id, traceIds } = request;
    const durationMs = roundDuration(reply.elapsedTime);
    const { url: route, config } = routeOf(request);
    const completed = { method, route, status, durationMs, caller, problem };
    const isQuiet = config.kind === 'operational' && status < 400;
    const rest =
      field('id', id) + field('trace_id', traceIds?.trace_id) + field('span_id', traceIds?.span_id);
    writeLine(isQuiet ? 'debug' : 'info', toFields(requestId, completed) + rest);
    onCompleted(completed, request);
  });
  instance.decorate('logCompleted', (requestId, completed) => {
    writeLine('info', toFields(requestId, completed));
    onCompleted(completed);
  });
  instance.addHook('onRequest', (request, reply, done) => {
    onClientAbort(reply, () => instance.logRequest(request, reply, CLIENT_CLOSED_REQUEST));
    done();
  });
  instance.addHook('onResponse', (request, reply, done) => {
    instance.logRequest(request, reply);
    done();
  });
}

/** As JSON, without the braces. Neither a request id nor the name of a method has a character to escape. */
function toFields(
  requestId: string,
  { method, route, status, durationMs, caller, problem }: CompletedRequest,
): string {
  return (
    `"requestId":"${requestId}","msg":"request","method":"${method}"${field('route', route)},"status":${status},` +
    `"durationMs":${durationMs}${field('caller', caller)}${field('problem', problem)}`
  );
}

function field(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`;
}

export function roundDuration(ms: number): number {
  return Math.round(ms * 100) / 100;
}
