import type { Dialect, PostgresPool, PostgresPoolClient } from 'kysely';
import type { Pool, PoolClient, PoolConfig } from 'pg';
import { fromDriver, noConnection, sqlState, StorageUnavailableError } from './storage-error.js';
import { toPositiveMs, withStorageTimeout } from './time-limit.js';

/** Connections that one process holds at most. */
const POOL_SIZE = 10;
/** The server's own limit comes first, so that the connection survives it; ours is for a server that is silent. */
export const CLIENT_TIMEOUT_MARGIN_MS = 250;

export interface PostgresqlOptions {
  databaseUrl: string;
  /** What one statement may take, in milliseconds; so much, too, to wait for a connection. */
  timeoutMs: number;
  poolSize?: number;
  /** For migrations, which may take longer than they wait for a connection. */
  statementTimeoutMs?: number;
}

/**
 * Failures that leave a sound connection: a statement or a lock took too long. Behind any other, a new connection may
 * find a better server: after a fail-over the old one answers "read-only" for ever.
 */
const RECOVERABLE_STATES = new Set(['57014', '55P03']);

/** Kysely on a pool of PostgreSQL connections. Nothing connects before the first statement. */
export async function postgresqlDialect(options: PostgresqlOptions): Promise<Dialect> {
  const [{ default: pg }, { PostgresDialect }] = await Promise.all([import('pg'), import('kysely')]);
  const pool = new pg.Pool(poolConfig(options));
  // Without listeners, a connection that the server closes while nobody reads from it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const limitMs = toPositiveMs(options.statementTimeoutMs ?? options.timeoutMs) + CLIENT_TIMEOUT_MARGIN_MS;
  return new PostgresDialect({ pool: withTimeouts(pool, limitMs) });
}

function poolConfig(options: PostgresqlOptions): PoolConfig {
  const timeoutMs = toPositiveMs(options.timeoutMs);
  const statementMs = toPositiveMs(options.statementTimeoutMs ?? options.timeoutMs);
  const settings = {
    synchronous_commit: 'on',
    statement_timeout: statementMs,
    lock_timeout: statementMs,
    idle_in_transaction_session_timeout: statementMs,
  };
  const flags = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const { connectionString, own } = splitOptions(options.databaseUrl);
  return {
    connectionString,
    options: [...own, ...flags].join(' '),
    application_name: 'rewards-gateway',
    connectionTimeoutMillis: timeoutMs,
    keepAlive: true,
    max: options.poolSize ?? POOL_SIZE,
  };
}

/** Takes `?options=` out of a connection string: the driver would let it replace ours instead of joining them. */
function splitOptions(databaseUrl: string): { connectionString: string; own: string[] } {
  if (!databaseUrl.includes('options=') || !URL.canParse(databaseUrl)) {
    return { connectionString: databaseUrl, own: [] };
  }
  const url = new URL(databaseUrl);
  const own = url.searchParams.getAll('options');
  url.searchParams.delete('options');
  return { connectionString: url.href, own };
}

/** The pool with every wait bounded and every failure translated; a connection that failed is not used again. */
function withTimeouts(pool: Pool, limitMs: number): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      try {
        return withClientTimeouts(await pool.connect(), limitMs);
      } catch (error) {
        throw noConnection(error);
      }
    },
  };
}

function withClientTimeouts(client: PoolClient, limitMs: number): PostgresPoolClient {
  let broken = false;
  // Kysely's type of `query` covers cursors, too, which nothing here uses.
  const query = async (text: string, parameters: unknown[]) => {
    if (broken) throw new StorageUnavailableError('no connection');
    try {
      return await withStorageTimeout(limitMs, client.query(text, parameters));
    } catch (error) {
      const failure = fromDriver(error);
      broken = failure instanceof StorageUnavailableError && !RECOVERABLE_STATES.has(sqlState(error) ?? '');
      throw failure;
    }
  };
  return {
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy) => client.release(broken || destroy === true),
  };
}
