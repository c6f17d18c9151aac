import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';

/** Takes TLS connections for a server of this machine that has no TLS itself. */
export interface TlsFront extends AsyncDisposable {
  readonly port: number;
}

export async function startTlsFront(
  identity: { key: string; cert: string },
  plainUrl: string,
): Promise<TlsFront> {
  const { port } = new URL(plainUrl);
  const server = createServer({ ...identity, ALPNProtocols: ['http/1.1'] }, (client) => {
    const target = connect(Number(port), '127.0.0.1');
    for (const socket of [client, target])
      socket.on('error', () => undefined).on('close', () => (client.destroy(), target.destroy()));
    client.pipe(target).pipe(client);
  });
  server.on('tlsClientError', () => undefined);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      await once(server.close(), 'close');
    },
  };
}
