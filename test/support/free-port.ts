import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Systems give these ports neither to outgoing connections nor to servers without a port: it stays free between two starts. */
const [FIRST, LAST] = [20_000, 32_000];

/** They may not be in use yet. */
const GIVEN = new Set<number>();

/** A port of 127.0.0.1 that is free. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST);
    if (GIVEN.has(port)) continue;
    GIVEN.add(port);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) continue;
    await once(server.close(), 'close');
    return port;
  }
}
