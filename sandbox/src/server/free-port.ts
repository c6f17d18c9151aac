import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** The port itself, or for 0 a free one. Rejects with EADDRINUSE when it is taken. */
export async function freePort(port: number, host: string): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(port, host, resolve);
  });
  const found = (probe.address() as AddressInfo).port;
  await new Promise((resolve) => probe.close(resolve));
  return found;
}
