import { summarizeError } from '../log/error-summary.js';

/**
 * The database is unavailable, so nothing may be acknowledged. A write that throws it may have been committed nevertheless,
 * because the connection can break between the commit and its confirmation; a repeat shows it.
 */
export class StorageUnavailableError extends Error {
  override readonly name = 'StorageUnavailableError';
  /** The `Retry-After` of the response. Short, because every call tries to connect. */
  readonly retryAfterSeconds = 1;

  /** @param reason an SQLSTATE or our own text; never a driver's message, which may contain hosts and users */
  constructor(reason: string, options?: ErrorOptions) {
    super(`storage unavailable: ${reason}`, options);
  }
}

/** Classes of SQLSTATE caused by the state of the server or by its operator, not by an error in a statement. */
const UNAVAILABLE_CLASSES = new Set([
  '08', // connection
  '28', // credentials rejected
  '3D', // the database does not exist
  '3F', // the schema does not exist
  '53', // out of connections, memory or disk space
  '57', // canceled by a time limit, shutting down, or starting
  '58', // I/O error
  'XX', // internal error, corrupted data
]);

const UNAVAILABLE_STATES = new Set([
  '25006', // read-only
  '25P03', // idle in a transaction for too long
  '25P04', // transaction time limit
  '40001', // serialization failure
  '40P01', // deadlock
  '42501', // permission denied
  '42P01', // the table does not exist: dropped, or not migrated yet
  '55P03', // a lock was not available in time
]);

/** What an operator should know about the failures that a configuration causes. */
const SENTENCES: Readonly<Record<string, string>> = {
  '25006': 'the database is read-only',
  '28000': 'the server does not let this role connect from here',
  '28P01': 'the password is wrong',
  '3D000': 'the database does not exist',
  '3F000': 'no schema of the search path exists, or the role may not use it',
  '42501': 'the role lacks a privilege, such as CREATE on the schema or access to the tables',
  '42P01': 'a table is missing',
  '53100': 'the disk of the server is full',
  '53300': 'the server has no connection left',
};

/** Of failures after which the server asks for a repeat: nothing of the transaction remains. */
const REPEATABLE_STATES = new Set(['40001', '40P01']);

/** Whether the server ended a transaction only because of others that ran at the same time. */
export const isRepeatable = (error: unknown) => isCausedBy(error, REPEATABLE_STATES);

/** Whether a statement, or its wait for a lock, took too long. The server is available, and the connection is usable. */
export const tookTooLong = (error: unknown) => isCausedBy(error, new Set(['57014', '55P03']));

/** Whether a statement has waited for too long for a lock, which one row may be the reason of. */
export const waitedForLock = (error: unknown) => isCausedBy(error, new Set(['55P03']));

function isCausedBy(error: unknown, states: ReadonlySet<string>): boolean {
  return error instanceof StorageUnavailableError && states.has(sqlState(error.cause) ?? '');
}

/** The SQLSTATE of an error that the server reported. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error) || !('severity' in error))
    return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The database has an encoding that cannot hold every text. The message names both. */
export class UnsupportedEncodingError extends Error {
  override readonly name = 'UnsupportedEncodingError';

  constructor(encoding: string) {
    super(`the database has the encoding ${encoding}, and UTF8 is required`);
  }
}

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505';
}

/** The error for a failed connection, with its code: `ECONNREFUSED`, `ENOTFOUND`, 28P01 (wrong password), 53300 (too many). */
export function noConnection(error: unknown): StorageUnavailableError {
  const state = sqlState(error);
  const why = state === undefined ? summarizeError(error).code : describeState(state);
  return new StorageUnavailableError(`no connection${why === undefined ? '' : ` (${why})`}`, {
    cause: error,
  });
}

/**
 * Translates an error of a driver. Use it directly at the driver, where an error without an SQLSTATE means a broken
 * connection or engine. An error in a statement is returned unchanged.
 */
export function fromDriver(error: unknown): unknown {
  if (error instanceof StorageUnavailableError) return error;
  const state = sqlState(error);
  if (state === undefined) return noConnection(error);
  const unavailable = UNAVAILABLE_STATES.has(state) || UNAVAILABLE_CLASSES.has(state.slice(0, 2));
  return unavailable ? new StorageUnavailableError(describeState(state), { cause: error }) : error;
}

/** An SQLSTATE, with a sentence where there is one. */
export function describeState(state: string): string {
  const sentence = SENTENCES[state];
  return sentence === undefined ? state : `${state}: ${sentence}`;
}
