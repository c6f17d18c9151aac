import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/**
 * Starts something on the port that a variable names, or on the standard one.
 * @throws one clear sentence when the variable is no port or the port is taken
 */
export async function onPort<T>(
  [variable, standard]: [variable: string, standard: number],
  start: (port: number) => Promise<T>,
): Promise<T> {
  const port = Number(process.env[variable] || standard);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`${variable} must be a port number.`);
  try {
    return await start(port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new Error(`Port ${port} is already in use: set ${variable} to a free one.`, { cause: error });
    throw error;
  }
}

/** The origin of a server. An IPv6 address is in brackets there. */
export function originOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** An address to connect to: "every interface" is one only for listening. */
export function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

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
