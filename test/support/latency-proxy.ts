import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** Packets between two machines: data, and the end of a connection, arrive a while after they were sent, in order. */
export interface LatencyProxy extends AsyncDisposable {
  readonly port: number;
  /** Where connections lead to. */
  targetPort: number;
}

/** @param ms how long a packet takes, each way */
export async function startLatencyProxy(ms: number): Promise<LatencyProxy> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = connect({ port: proxy.targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    carry(client, target, ms);
    carry(target, client, ms);
    for (const socket of [client, target]) {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const proxy: LatencyProxy = {
    port: (server.address() as AddressInfo).port,
    targetPort: 0,
    async [Symbol.asyncDispose]() {
      const closed = once(server.close(), 'close');
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
  return proxy;
}

function carry(from: Socket, to: Socket, ms: number): void {
  // Timers of one length fire in order.
  const later = (deliver: () => unknown) =>
    setTimeout(() => {
      if (!to.destroyed) deliver();
    }, ms);
  from.on('data', (chunk) => later(() => to.write(chunk)));
  from.on('end', () => later(() => to.end()));
  from.on('error', () => later(() => to.resetAndDestroy()));
}
