import { readFileSync, statSync } from 'node:fs';
import process from 'node:process';
import { EmbeddedDatabaseError } from './embedded-error.js';

/** The user that a child process runs as: the options of `spawn`. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** The preferred users, where this process is root. */
const NAMES = ['postgres', 'nobody'];

/**
 * PostgreSQL refuses to run as root. There, the server runs as the owner of its files, or as an unprivileged user of the machine.
 * @param folder the files of the server; it need not exist
 * @returns undefined where the server runs as the user of this process
 * @throws EmbeddedDatabaseError
 */
export function findServerUser(folder: string): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(folder, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of NAMES) {
    const [, , uid, gid] = users.find(([each]) => each === name) ?? [];
    // macOS writes the id of nobody as -2.
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
  }
  throw new EmbeddedDatabaseError(
    'PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody: ' +
      'start the gateway as another user, or set DATABASE_URL',
  );
}
