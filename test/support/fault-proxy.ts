import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A TCP proxy between the gateway and a server of this machine that simulates network faults. */
export class FaultProxy {
  /** Delays every reply, on existing and new connections. */
  delayMs = 0;
  /**
   * Drops all data without closing, on existing and new connections: a network without an RST. A connection that has lost
   * data this way stays dead.
   */
  blackHole = false;
  /** Connections opened so far. */
  opened = 0;
  /** Connections reset by `resetOn` so far. */
  resets = 0;
  #trigger: { words: string; when: 'before' | 'after' } | undefined;
  #received = '';
  #port = 0;
  readonly #clients = new Set<Socket>();
  readonly #server = createServer((client) => this.#forward(client));

  private constructor(
    /** New connections lead there. */
    public targetPort: number,
    private readonly records: boolean,
  ) {}

  /** @param records keeps what is sent, for `count` and `countWords` */
  static async to(targetPort: number, records = true): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort, records);
    await proxy.#listen(0);
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** For a target that is Redis. */
  get url(): string {
    return `redis://127.0.0.1:${this.#port}`;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#clients.size;
  }

  /** How often a Redis command, `GET` for instance, has been sent. */
  count(command: string): number {
    return this.#received.split(`\r\n${command}\r\n`).length - 1;
  }

  /** How often these words have been sent. */
  countWords(words: string): number {
    return this.#received.split(words).length - 1;
  }

  /**
   * Resets every connection that sends these words: `before` the server receives them, or `after` the server has processed
   * them but before its response arrives.
   */
  resetOn(words: string, when: 'before' | 'after'): void {
    this.#trigger = { words, when };
  }

  stopResets(): void {
    this.#trigger = undefined;
  }

  /** Resets every connection and rejects new ones, until `accept`. */
  async refuse(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const client of this.#clients) client.resetAndDestroy();
    await closed;
  }

  accept(): Promise<void> {
    return this.#listen(this.#port);
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.refuse();
  }

  async #listen(port: number): Promise<void> {
    await once(this.#server.listen(port, '127.0.0.1'), 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #forward(client: Socket): void {
    this.opened += 1;
    this.#clients.add(client);
    const target = connect(this.targetPort, '127.0.0.1');
    let dead = false;
    let doomed = false;
    const end = () => {
      this.#clients.delete(client);
      client.destroy();
      target.destroy();
    };
    const reset = () => {
      this.resets += 1;
      client.resetAndDestroy();
      target.destroy();
    };
    for (const socket of [client, target]) socket.on('error', end).on('close', end);
    client.on('data', (chunk) => {
      if (this.records) this.#received += chunk.toString('latin1');
      const matches = this.#trigger !== undefined && chunk.includes(this.#trigger.words);
      if (matches && this.#trigger?.when === 'before') return reset();
      doomed ||= matches;
      dead ||= this.blackHole;
      if (!dead) target.write(chunk);
    });
    target.on('data', (chunk) => {
      // PostgreSQL sends the response to an autocommitted statement after the commit.
      if (doomed) return reset();
      const reply = () => {
        dead ||= this.blackHole;
        if (!dead && !client.destroyed) client.write(chunk);
      };
      // Timers of one length fire in order, so the replies stay in order.
      if (this.delayMs > 0) setTimeout(reply, this.delayMs);
      else reply();
    });
  }
}
