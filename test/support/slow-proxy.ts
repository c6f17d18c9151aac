import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A TCP proxy between the gateway and Redis that can be a bad network. */
export interface FaultProxy {
  readonly url: string;
  /** How long every reply is held back, for connections old and new. */
  delayMs: number;
  /**
   * Neither forwards nor answers nor closes, on connections old and new: a network without an RST. A connection that has
   * lost something that way stays dead.
   */
  blackHole: boolean;
  /** Ends every connection with an RST and refuses new ones, until `accept`. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  /** Connections open at the moment. */
  readonly connections: number;
  /** How many were ever opened. */
  readonly opened: number;
  /** How many times a command, `GET` for instance, came by. */
  count(command: string): number;
  close(): Promise<void>;
}

/** Starts a proxy to a port of this machine. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  let opened = 0;
  let asked = '';
  const server = createServer((near) => {
    opened += 1;
    const far = connect(targetPort, '127.0.0.1');
    let dead = false;
    sockets.add(near);
    const end = () => {
      sockets.delete(near);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
    near.on('data', (chunk) => {
      asked += chunk.toString('latin1');
      dead ||= proxy.blackHole;
      if (!dead) far.write(chunk);
    });
    far.on('data', (chunk) => {
      const reply = () => {
        dead ||= proxy.blackHole;
        if (!dead && !near.destroyed) near.write(chunk);
      };
      // Timers of one length fire in order, and so the replies stay in order.
      if (proxy.delayMs > 0) setTimeout(reply, proxy.delayMs);
      else reply();
    });
  });

  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;

  const proxy: FaultProxy = {
    url: `redis://127.0.0.1:${port}`,
    delayMs: 0,
    blackHole: false,
    async refuse() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.resetAndDestroy();
      await closed;
    },
    accept: () => listen(port),
    get connections() {
      return sockets.size;
    },
    get opened() {
      return opened;
    },
    count: (command) => asked.split(`\r\n${command}\r\n`).length - 1,
    async close() {
      if (server.listening) await proxy.refuse();
    },
  };
  return proxy;
}
