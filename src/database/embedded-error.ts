import { summarizeError } from '../log/error-summary.js';
import { StorageUnavailableError } from './storage-error.js';

/** The embedded database cannot be used, and waiting does not help. The message says what to do. */
export class EmbeddedDatabaseError extends Error {
  override readonly name = 'EmbeddedDatabaseError';
}

/** Error codes that last until somebody changes the folder or its permissions. */
const PERMANENT_CODES = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'];

/** Translates an error of a file in DATA_DIR. A full disk may have space later. */
export function fromFileSystem(error: unknown): Error {
  if (error instanceof EmbeddedDatabaseError || error instanceof StorageUnavailableError) return error;
  const { code = 'unknown' } = summarizeError(error);
  if (!PERMANENT_CODES.includes(code))
    return new StorageUnavailableError(`DATA_DIR cannot be used (${code})`, { cause: error });
  return new EmbeddedDatabaseError(
    `DATA_DIR cannot be written (${code}): name a folder that this process may write, or set DATABASE_URL`,
    { cause: error },
  );
}

/** The error for a folder that the user of the server cannot pass through. */
export function unreachable(reason: string): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(
    `the user that PostgreSQL runs as cannot reach DATA_DIR (${reason}): name a folder that every user can pass through, ` +
      'such as /var/lib/rewards-gateway, start the gateway as another user than root, or set DATABASE_URL',
  );
}

/** The last line of a failed program that says why, without the severity. */
export function reasonOf(output: string): string {
  const lines = output.trim().split('\n').filter(Boolean);
  const told =
    lines.find((line) => line.includes('No space left on device')) ??
    lines.findLast((line) => /\b(error|fatal|panic):/i.test(line)) ??
    lines.at(-1) ??
    'no message';
  return told.replace(/^.*?\b(error|fatal|panic):\s*/i, '');
}
