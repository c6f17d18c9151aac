import { once } from 'node:events';
import { createServer as createHttps } from 'node:https';
import type { Server as HttpsServer } from 'node:https';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** What the proxy does with a connection: forwards it, resets it, or holds it until `release`. */
export type Door = 'open' | 'reset' | 'hold';

/** An HTTPS server that answers every call with an empty object, behind a proxy where connections can fail. */
export class TlsKiip {
  readonly bodies: string[] = [];
  readonly protocols: (string | false | null)[] = [];
  /** The number of connections to the proxy. */
  knocks = 0;
  /** The number of those that have closed. */
  farewells = 0;
  /** The actions for the next connections, in order. Later connections are forwarded. */
  plan: Door[] = [];
  #held: (() => void)[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly inner: HttpsServer,
    private readonly door: Server,
  ) {}

  static async start(identity: { key: string; cert: string }): Promise<TlsKiip> {
    const inner = createHttps({ ...identity, ALPNProtocols: ['h2', 'http/1.1'] });
    const door = createServer();
    const kiip = new TlsKiip(inner, door);
    inner.on('request', (request, answer) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        kiip.bodies.push(body);
        answer.setHeader('content-type', 'application/json').end('{}');
      });
    });
    inner.on('secureConnection', (socket) => kiip.protocols.push(socket.alpnProtocol));
    inner.on('tlsClientError', () => undefined);
    door.on('connection', (socket) => kiip.#receive(socket));
    for (const server of [inner, door]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return kiip;
  }

  url(host = 'localhost'): string {
    return `https://${host}:${(this.door.address() as AddressInfo).port}`;
  }

  /** Forwards the held connections. */
  release(): void {
    for (const letThrough of this.#held.splice(0)) letThrough();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.inner.closeAllConnections();
    this.inner.close();
    this.door.close();
    await once(this.door, 'close');
  }

  #receive(client: Socket): void {
    this.knocks += 1;
    this.#sockets.add(client);
    client.on('error', () => undefined);
    client.on('close', () => (this.farewells += 1));
    const does = this.plan.shift() ?? 'open';
    const through = () => {
      const inner = connect((this.inner.address() as AddressInfo).port, '127.0.0.1');
      inner.on('error', () => undefined);
      this.#sockets.add(inner);
      client.pipe(inner).pipe(client);
    };
    if (does === 'open') through();
    if (does === 'reset') client.resetAndDestroy();
    if (does === 'hold') this.#held.push(through);
  }
}
