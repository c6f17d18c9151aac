import type { Client } from 'pg';
import { EMBEDDED_LOCK } from './advisory-locks.js';
import { EMBEDDED_USER } from './embedded-cluster.js';
import { EmbeddedDatabaseError } from './embedded-error.js';

const CONNECT_TIMEOUT_MS = 2_000;

/** A connection to an embedded server. */
export interface Connection {
  readonly client: Client;
  /** Resolves when the connection has ended. */
  readonly lost: Promise<void>;
  release(): Promise<void>;
}

export function urlOf(port: number, password: string): string {
  return `postgresql://${EMBEDDED_USER}:${password}@127.0.0.1:${port}/postgres`;
}

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
  await client.connect();
  return { client, lost, release: () => client.end().catch(() => undefined) };
}

/** Makes this connection the owner of the folder. @returns false when another one is */
export async function tryLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [
    EMBEDDED_LOCK,
  ]);
  return rows[0]?.held === true;
}

export function inUse(): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(
    'DATA_DIR is in use by another gateway: stop it, name another folder, or set DATABASE_URL so that several can share a database',
  );
}
