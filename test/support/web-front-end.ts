import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The pages of an origin: a function per method and path that returns the body. */
type Pages = Record<string, () => string | Promise<string>>;

export interface WebServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves pages, and JSON for their scripts, from their own origin. */
export async function startWebServer(
  pages: Pages,
  headers: () => Record<string, string> = () => ({}),
): Promise<WebServer> {
  const server = createServer((request, response) => {
    const page = pages[`${request.method} ${request.url}`];
    if (!page) {
      response.writeHead(404).end();
      return;
    }
    Promise.resolve(page()).then(
      (body) =>
        response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...headers() }).end(body),
      () => response.writeHead(500).end(),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
