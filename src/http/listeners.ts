import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyContextConfig, FastifyInstance } from 'fastify';
import type { Config } from '../config/config.js';
import { notFound } from '../problem/problem-catalogue.js';
import { sendProblem } from '../problem/send-problem.js';
import { handleClientError } from './client-errors.js';
import { isConsoleCall } from './console-calls.js';
import { routeOf } from './method-not-allowed.js';
import { LISTEN_BACKLOG, serverOptions } from './server-limits.js';

export type ListenerName = 'callers' | 'callbacks' | 'management';
type ExtraName = Exclude<ListenerName, 'callers'>;

export interface ListeningAddress extends Pick<AddressInfo, 'address' | 'port'> {
  readonly listener: ListenerName;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every server of the process: that of PORT, and those of CALLBACK_PORT and MANAGEMENT_PORT if they are set. */
    servers(): Server[];
    /**
     * Listens on CALLBACK_PORT and MANAGEMENT_PORT, as far as they are set.
     * @throws the error of the port that cannot be used, with the name of its variable as `variable`
     */
    listenBesides(): Promise<ListeningAddress[]>;
    /** Closes these ports, and returns when their requests in flight have ended. */
    closeBesides(): Promise<void>;
  }
}

/** The listener that serves a kind of route. Routes without a kind are for callers. */
const LISTENER_OF: Record<NonNullable<FastifyContextConfig['kind']>, ExtraName> = {
  callback: 'callbacks',
  operational: 'management',
  documentation: 'management',
};

/**
 * Gives callbacks, and what is for operators, a port of their own where one is configured. All ports share the routes and
 * hooks of one application; a route that belongs to another port is an unknown path.
 */
export function registerListeners(instance: FastifyInstance, config: Config): void {
  const arrivals = new WeakMap<IncomingMessage, ExtraName>();
  const extras = Object.entries(portsOf(config)).map(([name, { variable, port }]) => {
    const listener = name as ExtraName;
    const server = createServer(serverOptions(config), (request, response) => {
      arrivals.set(request, listener);
      // Operators come to this port directly: with the proxies of the others trusted, they could choose their address.
      if (listener === 'management') delete request.headers['x-forwarded-for'];
      instance.routing(request, response);
    });
    server.on('clientError', handleClientError);
    return { listener, variable, port, server };
  });
  instance.decorate('servers', () => [instance.server, ...extras.map(({ server }) => server)]);
  instance.decorate('listenBesides', async () => {
    const addresses: ListeningAddress[] = [];
    for (const { listener, variable, port, server } of extras) {
      server.listen({ port, host: config.host, backlog: LISTEN_BACKLOG });
      await once(server, 'listening').catch((error: unknown) => {
        throw Object.assign(error as Error, { variable });
      });
      const { address, port: actual } = server.address() as AddressInfo;
      addresses.push({ listener, address, port: actual });
    }
    return addresses;
  });
  instance.decorate('closeBesides', async () => {
    await Promise.all(extras.map(({ server }) => closeServer(server)));
  });
  // Not waited for: Fastify gives a hook ten seconds, and a request may take longer.
  instance.addHook('preClose', (done) => {
    void instance.closeBesides();
    done();
  });
  if (extras.length === 0) return;
  const names = new Set<ListenerName>(extras.map(({ listener }) => listener));
  instance.addHook('onRequest', (request, reply, done) => {
    const kind = isConsoleCall(request) ? 'documentation' : routeOf(request).config.kind;
    const owner = kind && names.has(LISTENER_OF[kind]) ? LISTENER_OF[kind] : undefined;
    if (arrivals.get(request.raw) === owner) done();
    else sendProblem(reply, notFound());
  });
}

function portsOf({ callbackPort, managementPort, role }: Config) {
  return {
    // A worker has no callbacks to serve.
    ...(callbackPort !== undefined &&
      role !== 'worker' && { callbacks: { variable: 'CALLBACK_PORT', port: callbackPort } }),
    ...(managementPort !== undefined && {
      management: { variable: 'MANAGEMENT_PORT', port: managementPort },
    }),
  };
}

/** Waits for the requests in flight; idle connections are closed. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
