import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * From now on every response says `Connection: close`.
     * @param minMs how long connections and requests may still arrive
     * @param maxMs how long requests in flight may take
     * @returns when the first time is over and no request is in flight, or the second one is over
     */
    drain(minMs: number, maxMs: number): Promise<void>;
    isDraining(): boolean;
  }
}

const POLL_INTERVAL_MS = 10;

/**
 * Lets the servers finish their requests. They still listen meanwhile: a load balancer needs a moment to notice that this process is
 * not ready, and a client may be sending on an open connection right now.
 */
export function registerConnectionDrain(instance: FastifyInstance): void {
  let draining = false;
  let inFlight = 0;
  instance.addHook('onRequest', (_, reply, done) => {
    inFlight += 1;
    reply.raw.on('close', () => (inFlight -= 1));
    done();
  });
  instance.addHook('onSend', (_, reply, payload, done) => {
    if (draining) reply.header('connection', 'close');
    done(null, payload);
  });
  instance.decorate('isDraining', () => draining);
  instance.decorate('drain', async (minMs, maxMs) => {
    draining = true;
    const startedAt = performance.now();
    for (let elapsedMs = 0; elapsedMs < maxMs; elapsedMs = performance.now() - startedAt) {
      if (inFlight === 0 && elapsedMs >= minMs) return;
      await sleep(POLL_INTERVAL_MS);
    }
  });
}
