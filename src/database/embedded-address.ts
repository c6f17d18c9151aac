import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { clusterFolder } from './embedded-cluster.js';
import type { Address } from './embedded-connection.js';
import type { ServerUser } from './embedded-user.js';
import { StorageUnavailableError } from './storage-error.js';
import { summarizeError } from '../log/error-summary.js';

/** It only names the socket: every folder has one server. */
const SOCKET_PORT = 5432;
/** The path of a socket has at most 103 bytes on macOS, and PostgreSQL adds /.s.PGSQL.5432 to the folder. */
const MAX_SOCKET_FOLDER_BYTES = 89;

/**
 * Chooses where a server listens: at a socket in a folder that only its user can enter. Another user of the machine could take
 * a port before the server does, and be given the password.
 */
export async function chooseAddress(dataDir: string, user: ServerUser | undefined): Promise<Address> {
  // Node.js has no such sockets on Windows.
  if (process.platform === 'win32') return { host: '127.0.0.1', port: await freePort() };
  const folder = clusterFolder(dataDir);
  if (Buffer.byteLength(folder) <= MAX_SOCKET_FOLDER_BYTES) return { host: folder, port: SOCKET_PORT };
  const short = await mkdtemp(join(tmpdir(), 'rewards-gateway-'));
  if (user !== undefined) await chown(short, user.uid, user.gid);
  return { host: short, port: SOCKET_PORT };
}

/** Removes what `chooseAddress` has created outside of DATA_DIR. */
export async function discardAddress(dataDir: string, { host }: Address): Promise<void> {
  if (host.startsWith('/') && host !== clusterFolder(dataDir))
    await rm(host, { recursive: true, force: true });
}

/** The settings of a server that listens there and nowhere else. */
export function settingsOf({ host, port }: Address) {
  const isFolder = host.startsWith('/');
  return {
    port,
    listen_addresses: isFolder ? '' : host,
    unix_socket_directories: isFolder ? `"${host.replaceAll('"', '""')}"` : '',
    unix_socket_permissions: '0700',
  };
}

/** A free port below those that systems give to outgoing connections: the server needs the same one again when it restarts. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer();
    const listening = once(server, 'listening');
    server.listen(port, '127.0.0.1');
    try {
      await listening;
      return port;
    } catch (error) {
      const { code } = summarizeError(error);
      if (code !== 'EADDRINUSE')
        throw new StorageUnavailableError(`no port on 127.0.0.1 (${code})`, { cause: error });
    } finally {
      server.close();
    }
  }
}
