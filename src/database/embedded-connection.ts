import type { Client } from 'pg';
import { EMBEDDED_LOCK } from './advisory-locks.js';
import { EMBEDDED_USER } from './embedded-cluster.js';
import { EmbeddedDatabaseError } from './embedded-error.js';
import { sqlState } from './storage-error.js';

const CONNECT_TIMEOUT_MS = 2_000;
/** A gateway that stops, or that ends a server which it takes for one that was left, holds the lock no longer. */
const LOCK_TIMEOUT_MS = 3_000;
const LOCK_NOT_AVAILABLE = '55P03';

/** Where a server listens. */
export interface Address {
  /** The folder of its socket, or an IP address. */
  readonly host: string;
  readonly port: number;
}

/** A connection to an embedded server. */
export interface Connection {
  readonly client: Client;
  /** Resolves when the connection has ended. */
  readonly lost: Promise<void>;
  release(): Promise<void>;
}

export function urlOf({ host, port }: Address, password: string): string {
  return `postgresql://${EMBEDDED_USER}:${password}@localhost:${port}/postgres?host=${encodeURIComponent(host)}`;
}

/** @throws EmbeddedDatabaseError when the server refuses the password; any other error of the driver unchanged */
export async function connect(url: string): Promise<Connection> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  });
  // An error is followed by the end.
  client.on('error', () => undefined);
  const lost = new Promise<void>((resolveLost) => void client.once('end', resolveLost));
  await client.connect().catch((error: unknown) => {
    if (!sqlState(error)?.startsWith('28')) throw error;
    throw new EmbeddedDatabaseError(
      'the file password in the folder postgresql of DATA_DIR does not fit the database: restore the file, or name another folder',
      { cause: error },
    );
  });
  return { client, lost, release: () => client.end().catch(() => undefined) };
}

/**
 * Makes this connection the owner of the folder.
 * @returns false when the server has ended meanwhile
 * @throws EmbeddedDatabaseError when another gateway owns the folder
 */
export async function acquireLock({ client }: Connection): Promise<boolean> {
  try {
    await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await client.query('select pg_advisory_lock($1)', [EMBEDDED_LOCK]);
    return true;
  } catch (error) {
    if (sqlState(error) === LOCK_NOT_AVAILABLE) throw inUse(error);
    return false;
  }
}

export function inUse(cause?: unknown): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(
    'DATA_DIR is in use by another gateway: stop it, name another folder, or set DATABASE_URL so that several can share a database',
    { cause },
  );
}
