import { once } from 'node:events';
import { createServer as createHttps } from 'node:https';
import type { Server as HttpsServer } from 'node:https';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** What the front door does with a connection: lets it through, resets it, or holds it until `release`. */
export type Door = 'open' | 'reset' | 'hold';

/** An HTTPS server that answers every call with an empty object, and a front door where connections can go wrong. */
export class TlsKiip {
  readonly bodies: string[] = [];
  readonly protocols: (string | false | null)[] = [];
  /** Connections that came to the door. */
  knocks = 0;
  /** Those of them that have ended. */
  farewells = 0;
  /** What is done with the next connections, in turn; then they are let through. */
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

  /** Lets the held connections through. */
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
