import type { FastifyReply } from 'fastify';

/** What the log, the metrics and the traces have for a status where a client did not wait for its answer: nginx's. */
export const CLIENT_CLOSED_REQUEST = 499;

/** Calls back if the client goes before it has its answer: Fastify's `onResponse` is then never called. */
export function onClientAbort({ raw }: FastifyReply, listener: () => void): void {
  raw.once('close', () => {
    if (!raw.writableFinished) listener();
  });
}
