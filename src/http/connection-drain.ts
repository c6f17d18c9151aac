import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * From now on every response says `Connection: close`.
     * @param idleMs how long connections without a request in flight may stay open
     * @param maxMs how long requests may keep arriving
     * @returns when no request is in flight and no connection is open, or a time is over
     */
    drain(idleMs: number, maxMs: number): Promise<void>;
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
    reply.raw.once('close', () => (inFlight -= 1));
    done();
  });
  instance.addHook('onSend', (_, reply, payload, done) => {
    if (draining) reply.header('connection', 'close');
    done(null, payload);
  });
  instance.decorate('isDraining', () => draining);
  instance.decorate('drain', async (idleMs, maxMs) => {
    draining = true;
    const startedAt = performance.now();
    for (let elapsedMs = 0; elapsedMs < maxMs; elapsedMs = performance.now() - startedAt) {
      if (inFlight === 0 && (elapsedMs >= idleMs || (await countConnections(instance)) === 0)) return;
      await sleep(POLL_INTERVAL_MS);
    }
  });
}

async function countConnections(instance: FastifyInstance): Promise<number> {
  const counts = await Promise.all(instance.servers().map(countConnectionsOf));
  return counts.reduce((total, count) => total + count, 0);
}

function countConnectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
