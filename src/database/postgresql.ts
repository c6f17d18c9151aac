import type { Dialect, PostgresPool, PostgresPoolClient } from 'kysely';
import type { Pool, PoolClient, PoolConfig } from 'pg';
import { fromDriver, noConnection, sqlState, StorageUnavailableError } from './storage-error.js';
import { toPositiveMs, withStorageTimeout } from './time-limit.js';

/** The server's own time limit ends first, so that the connection stays usable; ours is for a server that does not respond. */
export const CLIENT_TIMEOUT_MARGIN_MS = 250;

export interface PostgresqlOptions {
  databaseUrl: string;
  /** The time limit of one statement, and of waiting for a connection, in milliseconds. */
  timeoutMs: number;
  poolSize: number;
  /** For migrations, which may take longer than they wait for a connection. */
  statementTimeoutMs?: number;
}

/**
 * Failures after which the connection stays usable: a statement or a lock took too long. After any other, a new connection
 * may reach a better server: after a failover, the old one stays read-only.
 */
const RECOVERABLE_STATES = new Set(['57014', '55P03']);

/** Kysely on a pool of PostgreSQL connections. Nothing connects before the first statement. */
export async function postgresqlDialect(options: PostgresqlOptions): Promise<Dialect> {
  const [{ default: pg }, { PostgresDialect }] = await Promise.all([import('pg'), import('kysely')]);
  const pool = new pg.Pool(poolConfig(options));
  // Without listeners, an idle connection that the server closes would end the process.
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
    max: options.poolSize,
  };
}

/** Removes `?options=` from a connection string: the driver would let it replace our options instead of adding to them. */
function splitOptions(databaseUrl: string): { connectionString: string; own: string[] } {
  if (!databaseUrl.includes('options=') || !URL.canParse(databaseUrl)) {
    return { connectionString: databaseUrl, own: [] };
  }
  const url = new URL(databaseUrl);
  const own = url.searchParams.getAll('options');
  url.searchParams.delete('options');
  return { connectionString: url.href, own };
}

/** A pool with a time limit on every wait and translated errors. A connection that failed is not used again. */
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
  // Kysely's type of `query` also covers cursors, which we do not use.
  const query = async (text: string, parameters: unknown[]) => {
    if (broken) throw new StorageUnavailableError('no connection');
    try {
      return await withStorageTimeout(limitMs, () => client.query(text, parameters));
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
