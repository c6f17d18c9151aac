import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
// The only place besides main.ts that needs the process: it checks whether the owner of a lock is alive.
import process from 'node:process';

/** The data folder cannot be used, and waiting does not help. The message says what to do. */
export class DataDirUnusableError extends Error {
  override readonly name = 'DataDirUnusableError';
}

/** Error codes that last until somebody changes the folder or its permissions. */
const PERMANENT_CODES = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'];

/**
 * Locks a folder for this process with a file that names its owner: two processes in one database would damage it.
 * @throws DataDirUnusableError while a living process, this one included, has the lock; and when the folder is not writable
 */
export async function lockDataDir(folder: string): Promise<{ release: () => Promise<void> }> {
  const path = join(folder, 'in-use.json');
  const { pid } = process;
  const owner = JSON.stringify({ pid, startTime: await processStartTime(pid), token: randomUUID() });
  try {
    await mkdir(folder, { recursive: true });
    await acquire(path, owner);
  } catch (error) {
    const code = String(getErrorCode(error));
    if (!PERMANENT_CODES.includes(code)) throw error;
    throw new DataDirUnusableError(
      `DATA_DIR cannot be written (${code}): name a folder that this process may write, or set DATABASE_URL`,
      { cause: error },
    );
  }
  return {
    async release() {
      if ((await read(path)) === owner) await rm(path, { force: true });
    },
  };
}

async function acquire(path: string, owner: string): Promise<void> {
  // A hard link makes the file appear with its whole content: a half-written file would look abandoned.
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, owner, { flush: true });
  try {
    if (await tryLink(draft, path)) return;
    const holder = await read(path);
    if (await isAlive(holder)) throw inUse(holder);
    await removeStale(path, holder);
    if (!(await tryLink(draft, path))) throw inUse(await read(path));
  } finally {
    await rm(draft, { force: true });
  }
}

/** Renames the file before it is removed, and restores it if another process has replaced it meanwhile. */
async function removeStale(path: string, expected: string): Promise<void> {
  const renamed = `${path}.${randomUUID()}`;
  const moved = await rename(path, renamed).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  if ((await read(renamed)) !== expected) await tryLink(renamed, path);
  await rm(renamed, { force: true });
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (getErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

const read = (path: string) => readFile(path, 'utf8').catch(() => '');

function parseOwner(text: string): { pid?: number; startTime?: string | null } {
  try {
    return JSON.parse(text) as { pid: number; startTime: string | null };
  } catch {
    return {};
  }
}

async function isAlive(holder: string): Promise<boolean> {
  const { pid, startTime } = parseOwner(holder);
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process is alive and belongs to another user.
    return getErrorCode(error) === 'EPERM';
  }
  // Process ids are reused, in containers soon.
  return (await processStartTime(pid)) === startTime;
}

/** Field 22 of /proc/<pid>/stat, counted after the command, which may contain spaces; null without /proc. */
async function processStartTime(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

function inUse(holder: string): DataDirUnusableError {
  const { pid } = parseOwner(holder);
  return new DataDirUnusableError(
    `the embedded database in DATA_DIR is in use by process ${pid ?? 'unknown'}; only one process may open it`,
  );
}

function getErrorCode(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
