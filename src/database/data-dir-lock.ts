import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
// Whether another process still lives is a question about processes: the one place outside main.ts that asks it.
import process from 'node:process';

const FILE_NAME = 'in-use.json';
const HEARTBEAT_MS = 5_000;
/** A holder on another host cannot be looked up; its heartbeats count instead. */
const STALE_AFTER_MS = 30_000;

interface Holder {
  pid: number;
  /** When the process started, in clock ticks since boot: a process id alone is used again, in containers soon. */
  started: string | null;
  host: string;
  token: string;
}

/** Waiting mends nothing here. The message tells what to do. */
export class DataDirUnusableError extends Error {
  override readonly name = 'DataFolderUnusable';
}

/** Codes of the operating system that stay until somebody puts the folder or its rights right. */
const PERMANENT_CODES = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'];

/**
 * Claims a folder for this process until `release`.
 * @throws DataFolderUnusable while another living process (or another opener in this one) holds it: two in one database
 *   would damage it; and where this process may not write
 */
export async function lockDataDir(folder: string): Promise<{ release: () => Promise<void> }> {
  try {
    return await lock(folder);
  } catch (error) {
    const code = codeOf(error);
    if (!PERMANENT_CODES.includes(String(code))) throw error;
    throw new DataDirUnusableError(
      `DATA_DIR cannot be written (${String(code)}): name a folder that this process may write, or set DATABASE_URL`,
      { cause: error },
    );
  }
}

async function lock(folder: string): Promise<{ release: () => Promise<void> }> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, FILE_NAME);
  const mine: Holder = {
    pid: process.pid,
    started: await processStartTime(process.pid),
    host: hostname(),
    token: randomUUID(),
  };
  await claim(path, mine);
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    async release() {
      clearInterval(heartbeat);
      if ((await read(path))?.token === mine.token) await rm(path, { force: true });
    },
  };
}

async function claim(path: string, mine: Holder): Promise<void> {
  // The file appears with its content or not at all: nobody may ever read half of it and think it abandoned.
  const draft = `${path}.${mine.token}`;
  await writeFile(draft, JSON.stringify(mine), { flush: true });
  try {
    if (await tryLink(draft, path)) return;
    const holder = await read(path);
    if (holder && (await isAlive(path, holder))) throw inUse(holder);
    await removeStale(path, holder);
    if (!(await tryLink(draft, path))) throw inUse(await read(path));
  } finally {
    await rm(draft, { force: true });
  }
}

/** Moves the file away and looks again, since another process may have replaced it in between. */
async function removeStale(path: string, expected: Holder | undefined): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await read(aside))?.token !== expected?.token) await tryLink(aside, path);
  await rm(aside, { force: true });
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function read(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

async function isAlive(path: string, holder: Holder): Promise<boolean> {
  if (holder.host !== hostname()) {
    const { mtimeMs } = await stat(path);
    return Date.now() - mtimeMs < STALE_AFTER_MS;
  }
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // It lives, and belongs to somebody else.
    return codeOf(error) === 'EPERM';
  }
  return (await processStartTime(holder.pid)) === holder.started;
}

/** Field 22 of /proc/<pid>/stat, counted behind the command, which may contain blanks; null where there is no /proc. */
async function processStartTime(pid: number): Promise<string | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

function inUse(holder: Holder | undefined): DataDirUnusableError {
  const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
  return new DataDirUnusableError(
    `the embedded database in DATA_DIR is in use by ${who}; only one process may open it`,
  );
}
