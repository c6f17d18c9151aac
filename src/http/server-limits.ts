import type { Config } from '../config/config.js';

/** The size of a request without its body, the URL included. */
export const HEADER_LIMIT = 16 * 1024;

/**
 * Connections that the system keeps until the process accepts them; it may allow fewer (`net.core.somaxconn`). With the 511 of Node.js, a
 * burst from one address fills the queue: connections of others are then dropped, and tried again only after seconds.
 */
export const LISTEN_BACKLOG = 4_096;

/** What every server that listens is created with. */
export function serverOptions({ keepAliveSeconds }: Pick<Config, 'keepAliveSeconds'>) {
  return {
    maxHeaderSize: HEADER_LIMIT,
    headersTimeout: 10_000,
    // Node checks for slow requests every 30 s by default.
    connectionsCheckingInterval: 1_000,
    // See rejectInvalidHost.
    requireHostHeader: false,
    requestTimeout: 30_000,
    // Longer than load balancers keep connections: the side that sends requests should be the one to close.
    keepAliveTimeout: Math.ceil(keepAliveSeconds * 1_000),
  };
}
