import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from './embedded-cluster.js';
import { acquireLock, connect, inUse, urlOf } from './embedded-connection.js';
import type { Address, Connection } from './embedded-connection.js';
import { EmbeddedDatabaseError } from './embedded-error.js';
import { sqlState } from './storage-error.js';

const POLL_MS = 20;
/** How long a server gets to shut down before it is made to. */
export const SHUTDOWN_MS = 10_000;
const STARTING_OR_STOPPING = '57P03';

interface Leftover {
  readonly pid: number;
  readonly address: Address;
}

/**
 * Ends a server on these files that a gateway that no longer runs has left.
 * @throws EmbeddedDatabaseError while that gateway runs, or when nobody can tell
 */
export async function endLeftoverServer(
  { data, password }: Cluster,
  patienceMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (const since = performance.now(); ; await sleep(POLL_MS)) {
    signal.throwIfAborted();
    const left = await findLeftover(data);
    if (left === undefined) return;
    const { pid, address } = left;
    const isPatient = () => performance.now() - since < patienceMs;
    const connection = await connect(urlOf(address, password)).catch((error: unknown) => {
      // It may be starting or shutting down, as it says, or not listen yet.
      if (sqlState(error) === STARTING_OR_STOPPING || isPatient()) return;
      throw new EmbeddedDatabaseError(
        `process ${pid} uses the files in DATA_DIR and does not respond: end it, name another folder, or set DATABASE_URL`,
        { cause: error },
      );
    });
    if (connection !== undefined) await endServer(pid, data, connection);
    else if (!(await isUsed(pid, data))) await removePidFiles(data, address);
  }
}

async function endServer(pid: number, data: string, connection: Connection): Promise<void> {
  try {
    if (!(await acquireLock(connection))) return;
    if (!(await isUsed(pid, data))) {
      // It has ended meanwhile, or it runs where this process cannot see it: in another container.
      const responds = await connection.client.query('select 1').then(
        () => true,
        () => false,
      );
      if (responds) throw inUse();
      return;
    }
    for (const since = performance.now(); await isUsed(pid, data); await sleep(POLL_MS)) {
      const waitedMs = performance.now() - since;
      if (waitedMs > 2 * SHUTDOWN_MS) return;
      signalServer(pid, waitedMs < SHUTDOWN_MS ? 'SIGINT' : 'SIGQUIT');
    }
  } finally {
    await connection.release();
  }
}

function signalServer(pid: number, signal: 'SIGINT' | 'SIGQUIT'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile, and its own processes will.
  }
}

/** A server that works on these files, or did, by the file that it writes when it starts. */
export async function findLeftover(data: string): Promise<Leftover | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  // https://www.postgresql.org/docs/18/storage-file-layout.html
  const [pid = '', , , port = '', folder = ''] = text.split('\n');
  if (!/^[1-9]\d*$/.test(pid)) return undefined;
  return { pid: Number(pid), address: { host: folder || '127.0.0.1', port: Number(port) } };
}

/**
 * Whether a process works in the folder of a server on these files: the server, or one of its own processes that is left. A
 * process with the id of a server that has ended is not one. Where the system does not say, it is.
 */
export async function isUsed(pid: number, data: string): Promise<boolean> {
  const processes = await readdir('/proc').catch(() => undefined);
  if (processes === undefined) return isAlive(pid);
  const folder = await realpath(data);
  const folders = await Promise.all(
    processes
      .filter((name) => /^\d+$/.test(name))
      .map((name) => readlink(`/proc/${name}/cwd`).catch(() => undefined)),
  );
  return folders.includes(folder);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** PostgreSQL does not start while one of these names a process that exists, whatever process that is. */
async function removePidFiles(data: string, { host, port }: Address): Promise<void> {
  await rm(join(data, 'postmaster.pid'), { force: true });
  await rm(join(host, `.s.PGSQL.${port}.lock`), { force: true });
}
