import type { FastifyReply } from 'fastify';

/** The status in the log, metrics and traces when the client closed the connection before the response: nginx's code. */
export const CLIENT_CLOSED_REQUEST = 499;

/** Calls back when the client closes the connection before it has the response. Fastify then never calls `onResponse`. */
export function onClientAbort({ raw }: FastifyReply, listener: () => void): void {
  raw.on('close', () => {
    if (!raw.writableFinished) listener();
  });
}
