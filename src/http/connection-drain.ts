import type { Server, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_INTERVAL_MS = 10;

/**
 * Sees a server's last requests out. The server goes on listening meanwhile: a balancer needs a moment to hear that it is
 * not ready, and a client on an open connection may be sending right now.
 */
export class ConnectionDrain {
  private readonly inFlight = new Set<ServerResponse>();
  private connections = 0;
  private draining = false;

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.connections += 1;
      socket.once('close', () => (this.connections -= 1));
    });
    // First in the row: the application must not have answered yet.
    server.prependListener('request', (_, response: ServerResponse) => {
      if (this.draining) setConnectionClose(response);
      this.inFlight.add(response);
      response.once('close', () => this.inFlight.delete(response));
    });
  }

  /**
   * From now on every answer says `Connection: close`.
   * @param lingerMs how long connections on which nothing is under way may stay open
   * @param limitMs how long requests may keep coming
   * @returns once no request is under way and no connection open, or the times are over
   */
  async drain(lingerMs: number, limitMs: number): Promise<void> {
    this.draining = true;
    this.inFlight.forEach(setConnectionClose);
    const begunAt = performance.now();
    for (let passedMs = 0; passedMs < limitMs; passedMs = performance.now() - begunAt) {
      if (this.inFlight.size === 0 && (this.connections === 0 || passedMs >= lingerMs)) return;
      await sleep(POLL_INTERVAL_MS);
    }
  }
}

function setConnectionClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}
