import type { Kysely, PostgresPool, PostgresPoolClient } from 'kysely';
import type { Pool, PoolClient, PoolConfig, Query, QueryResult } from 'pg';
import { notePool, preparedName } from './prepared-statement.js';
import { isDirect, prepareSession } from './session.js';
import {
  fromDriver,
  isRepeatable,
  noConnection,
  StorageUnavailableError,
  tookTooLong,
} from './storage-error.js';
import type { Tables } from './tables.js';
import { traceStatement } from './statement-span.js';
import { toPositiveMs, withStorageTimeout } from './time-limit.js';

/** The server's own time limit ends first, so that the connection stays usable; ours is for a server that does not respond. */
export const CLIENT_TIMEOUT_MARGIN_MS = 250;

export interface PostgresqlOptions {
  databaseUrl: string;
  /** The time limit of one statement, and of waiting for a connection, in milliseconds. */
  timeoutMs: number;
  poolSize: number;
  /** See session.ts. */
  forCallbacks?: boolean;
  keepsPlans?: boolean;
  /** How long to wait for a statement. For migrations, which set a longer time limit for theirs. */
  clientTimeoutMs?: number;
}

/** The connections of a pool. */
export interface PoolUsage {
  readonly inUse: number;
  readonly idle: number;
  /** Statements that wait for one. */
  readonly waiting: number;
}

type QueryCallback = (error: Error | null, result: QueryResult) => void;

const POOLS = new WeakMap<Kysely<Tables>, Pool>();

/** @param db undefined before the first statement */
export function usageOf(db: Kysely<Tables> | undefined): PoolUsage {
  const pool = db && POOLS.get(db);
  if (!pool) return { inUse: 0, idle: 0, waiting: 0 };
  const { totalCount, idleCount: idle, waitingCount: waiting } = pool;
  return { inUse: totalCount - idle, idle, waiting };
}

/** Kysely on a pool of PostgreSQL connections. Nothing connects before the first statement. */
export async function openPostgresql(options: PostgresqlOptions): Promise<Kysely<Tables>> {
  const [{ default: pg }, kysely] = await Promise.all([import('pg'), import('kysely')]);
  const pool = new pg.Pool(poolConfig(options));
  // Without listeners, an idle connection that the server closes would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const limitMs = toPositiveMs(options.clientTimeoutMs ?? options.timeoutMs) + CLIENT_TIMEOUT_MARGIN_MS;
  const limited = withTimeouts(pool, limitMs, pg.Query);
  const db = new kysely.Kysely<Tables>({ dialect: new kysely.PostgresDialect({ pool: limited }) });
  notePool(db, limited);
  POOLS.set(db, pool);
  return db;
}

function poolConfig(options: PostgresqlOptions): PoolConfig {
  const timeoutMs = toPositiveMs(options.timeoutMs);
  const session = {
    statementMs: timeoutMs,
    forCallbacks: options.forCallbacks === true,
    keepsPlans: options.keepsPlans === true,
    startupOptions: /[?&]options=/.test(options.databaseUrl),
  };
  return {
    connectionString: options.databaseUrl,
    application_name: 'rewards-gateway',
    connectionTimeoutMillis: timeoutMs,
    // The pool waits for it, and passes on its error.
    onConnect: (client) =>
      withStorageTimeout(timeoutMs, () => prepareSession(client, session)) as unknown as void,
    keepAlive: true,
    max: options.poolSize,
  };
}

/** A pool with a time limit on every wait and translated errors. A connection that failed is not used again. */
function withTimeouts(pool: Pool, limitMs: number, query: typeof Query): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      try {
        return withClientTimeouts(await pool.connect(), limitMs, query);
      } catch (error) {
        throw error instanceof StorageUnavailableError ? error : noConnection(error);
      }
    },
  };
}

function withClientTimeouts(
  client: PoolClient,
  limitMs: number,
  DriverQuery: typeof Query,
): PostgresPoolClient {
  let broken: unknown;
  // Kysely's type of `query` also covers cursors, which we do not use.
  const query = async (text: string, parameters: unknown[]) => {
    // The first failure says why; that of the ROLLBACK after it does not.
    if (broken !== undefined) throw broken;
    const name = isDirect(client) ? preparedName(text) : undefined;
    try {
      return await traceStatement(text, () =>
        withStorageTimeout(limitMs, () => send(new DriverQuery(text, parameters), name)),
      );
    } catch (error) {
      const failure = fromDriver(error);
      // After any other failure, a new connection may reach a better server: after a failover, the old one stays read-only.
      const usable = tookTooLong(failure) || isRepeatable(failure);
      if (failure instanceof StorageUnavailableError && !usable) broken = failure;
      throw failure;
    }
  };
  // Given an object with the name and the text, the driver would copy it by its property descriptors, which is slow.
  const send = (statement: Query & { name?: string; callback?: QueryCallback }, name: string | undefined) =>
    new Promise<QueryResult>((resolve, reject) => {
      if (name !== undefined) statement.name = name;
      statement.callback = (error, result) => (error ? reject(error) : resolve(result));
      client.query(statement);
    });
  return {
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy) => client.release(broken !== undefined || destroy === true),
  };
}
