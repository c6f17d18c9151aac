import { summarizeError } from '../log/error-summary.js';

/**
 * The database could not do its part, so nothing may be acknowledged. When it is thrown by a write, the write may still
 * have been committed (the connection can break between the commit and its confirmation): only a repeat can tell.
 */
export class StorageUnavailableError extends Error {
  override readonly name = 'StorageUnavailable';
  /** What a caller is told to wait. Short, because connections are made anew by every call. */
  readonly retryAfterSeconds = 1;

  /** @param reason an SQLSTATE or a few words of ours; never a driver's message, which may name hosts and users */
  constructor(reason: string, options?: ErrorOptions) {
    super(`storage unavailable: ${reason}`, options);
  }
}

/** Classes of SQLSTATE that tell of the server's state or of the operator's doing, not of a mistake in a statement. */
const UNAVAILABLE_CLASSES = new Set([
  '08', // connection
  '28', // credentials refused
  '3D', // the database does not exist
  '3F', // nor the schema
  '53', // out of connections, memory or disk
  '57', // cancelled by a time limit, shut down, starting up
  '58', // input or output failed
  'XX', // damaged
]);

const UNAVAILABLE_STATES = new Set([
  '25006', // read-only
  '25P03', // idle in a transaction for too long
  '25P04', // transaction time limit
  '40001', // lost against another transaction
  '40P01', // deadlock
  '42501', // rights withdrawn
  '42P01', // the table is not there: emptied or not yet migrated
  '55P03', // a lock was not to be had in time
]);

/** The five characters of the SQL standard that say what went wrong, of an error that the server itself reported. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error) || !('severity' in error))
    return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505';
}

/** Whatever it was that kept us from a connection: `ECONNREFUSED`, `ENOTFOUND`, 28P01 for a wrong password, 53300 for too many. */
export function noConnection(error: unknown): StorageUnavailableError {
  const why = sqlState(error) ?? summarizeError(error).code;
  return new StorageUnavailableError(`no connection${why === undefined ? '' : ` (${why})`}`, {
    cause: error,
  });
}

/**
 * What a driver's failure means. For use right at the driver: there, whatever carries no SQLSTATE is a broken connection
 * or a broken engine. A mistake in a statement stays the error that it is.
 */
export function fromDriver(error: unknown): unknown {
  if (error instanceof StorageUnavailableError) return error;
  const state = sqlState(error);
  if (state === undefined) return noConnection(error);
  const unavailable = UNAVAILABLE_STATES.has(state) || UNAVAILABLE_CLASSES.has(state.slice(0, 2));
  return unavailable ? new StorageUnavailableError(state, { cause: error }) : error;
}
