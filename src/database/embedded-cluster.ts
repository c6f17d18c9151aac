import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import type { Binaries } from './embedded-binaries.js';
import { EmbeddedDatabaseError, fromFileSystem, reasonOf, unreachable } from './embedded-error.js';
import type { ServerUser } from './embedded-user.js';
import { summarizeError } from '../log/error-summary.js';
import { StorageUnavailableError } from './storage-error.js';

const run = promisify(execFile);

/** The superuser of the embedded server. */
export const EMBEDDED_USER = 'gateway';

export interface Cluster {
  /** The data folder of PostgreSQL. */
  readonly data: string;
  readonly password: string;
}

/** The files of the embedded server, in `dataDir`. */
export const clusterFolder = (dataDir: string) => join(dataDir, 'postgresql');

const DRAFT = 'postgresql.draft-';

/**
 * Creates DATA_DIR, so that the user of the server can pass through it.
 * @throws EmbeddedDatabaseError
 */
export async function createDataDir(dataDir: string, user: ServerUser | undefined): Promise<void> {
  try {
    // The user of the server must be able to pass through the folders above.
    await mkdir(dirname(dataDir), { recursive: true });
    await mkdir(dataDir, { mode: 0o700 }).catch((error: unknown) => {
      if (!existsSync(dataDir)) throw error;
    });
    if (user === undefined) return;
    const { uid, mode } = await stat(dataDir);
    if (uid === user.uid || mode & 0o001) return;
    await chown(dataDir, uid, user.gid);
    await chmod(dataDir, mode | 0o010);
  } catch (error) {
    throw fromFileSystem(error);
  }
}

/**
 * Opens the files of the server, after creating them where there are none. They are created in another folder and then renamed:
 * a process that ends meanwhile leaves nothing half-made.
 * @throws EmbeddedDatabaseError; StorageUnavailableError where a later attempt may succeed
 */
export async function openCluster(
  dataDir: string,
  { binaries, user, mayCreate }: { binaries: Binaries; user: ServerUser | undefined; mayCreate: boolean },
): Promise<Cluster> {
  const folder = clusterFolder(dataDir);
  try {
    if (!existsSync(folder)) {
      if (!mayCreate)
        throw new StorageUnavailableError('DATA_DIR has no folder postgresql any more: bring it back');
      await createCluster(dataDir, binaries, user);
    }
    const data = join(folder, 'data');
    const version = await readPart(join(data, 'PG_VERSION'));
    if (version !== binaries.majorVersion)
      throw new EmbeddedDatabaseError(
        `DATA_DIR has files of PostgreSQL ${/^\d+$/.test(version) ? version : 'of an unknown version'}, and this gateway runs PostgreSQL ${binaries.majorVersion}: ` +
          'move them as docs/embedded-database.md says, name another folder, or set DATABASE_URL',
      );
    const password = await readPart(join(folder, 'password'));
    await closeToOthers({ [folder]: 0o700, [data]: 0o700, [join(folder, 'password')]: 0o600 });
    return { data, password };
  } catch (error) {
    throw fromFileSystem(error);
  }
}

/**
 * Kubernetes gives files of a volume to the group of the pod, and PostgreSQL refuses a folder that a group may write: the group's
 * rights are taken away. What every user of the machine may read or write has perhaps been read or written.
 * @throws EmbeddedDatabaseError
 */
async function closeToOthers(paths: Record<string, number>): Promise<void> {
  if (process.platform === 'win32') return;
  for (const [path, mode] of Object.entries(paths)) {
    if ((await stat(path)).mode & 0o007)
      throw new EmbeddedDatabaseError(
        `every user of this machine may open ${basename(path)} in DATA_DIR: see who has, then take the rights away with chmod -R o=`,
      );
    await chmod(path, mode);
  }
}

async function readPart(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (summarizeError(error).code !== 'ENOENT') throw error;
  });
  if (text !== undefined) return text.trim();
  throw new EmbeddedDatabaseError(
    `DATA_DIR has a folder postgresql without the file ${basename(path)}: restore it, or remove the folder to begin with an empty database`,
  );
}

/** Removes what processes that were killed meanwhile have left. Only the owner of the folder may call it. */
export async function removeDrafts(dataDir: string): Promise<void> {
  const drafts = (await readdir(dataDir)).filter((name) => /^postgresql(-[^/]+)?\.draft-\w{6}$/.test(name));
  await Promise.all(drafts.map((name) => rm(join(dataDir, name), { recursive: true, force: true })));
}

async function createCluster(
  dataDir: string,
  { initdb }: Binaries,
  user: ServerUser | undefined,
): Promise<void> {
  const draft = await mkdtemp(join(dataDir, DRAFT));
  try {
    const [data, password] = [join(draft, 'data'), join(draft, 'password')];
    await writeFile(password, randomBytes(32).toString('base64url'), { mode: 0o600, flush: true });
    if (user !== undefined) for (const path of [password, draft]) await chown(path, user.uid, user.gid);
    const flags = ['--no-instructions', '--encoding=UTF8', '--locale=C', '--auth=scram-sha-256'];
    await run(initdb, [`--pgdata=${data}`, `--username=${EMBEDDED_USER}`, `--pwfile=${password}`, ...flags], {
      ...user,
      cwd: draft,
      env: { TZ: 'UTC' },
    }).catch((error: unknown) => {
      throw initdbError(error, dataDir);
    });
    await rename(draft, clusterFolder(dataDir)).catch((error: unknown) => {
      // Another process has been faster. Which of the two may use it is decided by the lock of the server.
      if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(summarizeError(error).code ?? '')) throw error;
    });
    await syncFolder(dataDir);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function initdbError(error: unknown, dataDir: string): Error {
  const { stderr = '', code } = error as { stderr?: string; code?: unknown };
  const reason = hideFolder(stderr === '' ? String(code) : reasonOf(stderr), dataDir);
  if (/permission denied/i.test(reason)) return unreachable(reason);
  if (/effective user/.test(reason))
    return new EmbeddedDatabaseError(
      `PostgreSQL needs a user with a name (${reason}): start the gateway as a user of /etc/passwd, or set DATABASE_URL`,
    );
  return new StorageUnavailableError(`the embedded database cannot be created: ${reason}`);
}

/** A configuration value must not appear in the log. */
export function hideFolder(text: string, dataDir: string): string {
  return text.replaceAll(dataDir, 'DATA_DIR');
}

/** Makes the new name of a folder survive a crash of the machine. Windows cannot open folders. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
