import type { Server, ServerOptions } from 'node:http';
import type { Config } from '../config/config.js';

/** The size of a request without its body, the URL included. */
export const HEADER_LIMIT = 16 * 1024;
const MAX_CONNECTIONS = 10_000;

/** What every server that listens is created with. */
export const serverOptions: ServerOptions = {
  maxHeaderSize: HEADER_LIMIT,
  headersTimeout: 10_000,
  // Node checks for slow requests every 30 s by default.
  connectionsCheckingInterval: 1_000,
  // See rejectMissingHost.
  requireHostHeader: false,
  requestTimeout: 30_000,
  // Longer than load balancers keep connections: the side that sends requests should be the one to close.
  keepAliveTimeout: 75_000,
};

/** Sets what can only be set on a server that exists. */
export function limitServer(server: Server, config: Pick<Config, 'upstreamDeadlineMs'>): void {
  server.setTimeout(connectionTimeoutMs(config));
  // Further connections are closed: each costs memory, whatever it sends.
  server.maxConnections = MAX_CONNECTIONS;
}

/** Ends connections whose client does not read the response. Our own responses never take this long. */
export function connectionTimeoutMs({ upstreamDeadlineMs }: Pick<Config, 'upstreamDeadlineMs'>): number {
  return 60_000 + Math.ceil(upstreamDeadlineMs);
}
