import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

/**
 * Stands between the gateway and PostgreSQL and, once armed, resets the connection that carries a statement with the
 * given words: `before` the server gets it, or `after` the server has done it but before its answer comes through.
 */
export class ResetProxy {
  /** Connections cut so far. */
  resets = 0;
  #armed: { words: string; when: 'before' | 'after' } | undefined;

  private constructor(
    readonly port: number,
    private readonly server: Server,
    private readonly sockets: Set<Socket>,
  ) {}

  static async to(target: number): Promise<ResetProxy> {
    const sockets = new Set<Socket>();
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const proxy = new ResetProxy(address.port, server, sockets);
    server.on('connection', (client) => proxy.#carry(client, connect(target, '127.0.0.1')));
    return proxy;
  }

  arm(words: string, when: 'before' | 'after'): void {
    this.#armed = { words, when };
  }

  disarm(): void {
    this.#armed = undefined;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  #carry(client: Socket, upstream: Socket): void {
    let doomed = false;
    const cut = () => {
      this.resets += 1;
      client.resetAndDestroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
    }
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    client.on('data', (chunk) => {
      const hit = this.#armed && chunk.includes(this.#armed.words);
      if (hit && this.#armed?.when === 'before') return cut();
      doomed ||= hit === true;
      upstream.write(chunk);
    });
    // PostgreSQL flushes its answer to an autocommitted statement after the commit.
    upstream.on('data', (chunk) => (doomed ? cut() : void client.write(chunk)));
  }
}
