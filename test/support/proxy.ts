import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';

/** An HTTP proxy that knows the hosts of these names, all on this machine. */
export interface Proxy extends AsyncDisposable {
  readonly url: string;
  /** Every host that was asked for. */
  readonly hosts: string[];
}

export async function startProxy(): Promise<Proxy> {
  const hosts: string[] = [];
  const server = createServer((incoming, response) => {
    const { hostname, port, pathname, search } = new URL(incoming.url!);
    hosts.push(hostname);
    const { method, headers } = incoming;
    const outgoing = request(
      { host: '127.0.0.1', port, path: pathname + search, method, headers },
      (reply) => {
        response.writeHead(reply.statusCode!, reply.headers);
        reply.pipe(response);
      },
    );
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
  server.on('connect', ({ url }, client) => {
    const [host, port] = url!.split(':') as [string, string];
    hosts.push(host);
    const target = connect(Number(port), '127.0.0.1', () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
    for (const socket of [client, target])
      socket.on('error', () => undefined).on('close', () => (client.destroy(), target.destroy()));
    client.pipe(target);
    target.pipe(client);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hosts,
    async [Symbol.asyncDispose]() {
      const closed = once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
    },
  };
}
