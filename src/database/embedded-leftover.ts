import { readFile, readlink, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from './embedded-cluster.js';
import { connect, inUse, tryLock, urlOf } from './embedded-connection.js';
import { EmbeddedDatabaseError } from './embedded-error.js';
import { sqlState } from './storage-error.js';

const POLL_MS = 20;
/** How long a server gets to shut down before it is made to. */
export const SHUTDOWN_MS = 10_000;
const STARTING_OR_STOPPING = '57P03';

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
    const { pid, port } = left;
    const connection = await connect(urlOf(port, password)).catch((error: unknown) => {
      // It may be starting or shutting down, as it says, or not listen yet.
      if (sqlState(error) === STARTING_OR_STOPPING || performance.now() - since < patienceMs) return;
      throw new EmbeddedDatabaseError(
        `process ${pid} uses the files in DATA_DIR and does not respond: end it, name another folder, or set DATABASE_URL`,
        { cause: error },
      );
    });
    if (connection === undefined) continue;
    try {
      if (!(await tryLock(connection.client))) throw inUse();
      await endServer(pid);
    } finally {
      await connection.release();
    }
  }
}

async function endServer(pid: number): Promise<void> {
  process.kill(pid, 'SIGINT');
  for (const since = performance.now(); isAlive(pid); await sleep(POLL_MS))
    if (performance.now() - since > SHUTDOWN_MS) process.kill(pid, 'SIGQUIT');
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A server that runs on these files: its process id and port, by the file that it writes when it starts. */
async function findLeftover(data: string): Promise<{ pid: number; port: number } | undefined> {
  const path = join(data, 'postmaster.pid');
  // Line 1 is the process id, line 4 the port: https://www.postgresql.org/docs/18/storage-file-layout.html
  const [pid = 0, , , port = 0] = (await readFile(path, 'utf8').catch(() => '')).split('\n').map(Number);
  if (!pid || !isAlive(pid)) return undefined;
  if (!(await isElsewhere(pid, data))) return { pid, port };
  // The id of a process that ended without removing the file, in use again. PostgreSQL would not start.
  await rm(path, { force: true });
  return undefined;
}

/** Whether a process works in another folder than a server on these files does. False where the system does not say. */
async function isElsewhere(pid: number, data: string): Promise<boolean> {
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  return folder !== undefined && folder !== (await realpath(data));
}
