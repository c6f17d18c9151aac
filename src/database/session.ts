import { Logger } from '@nestjs/common';
import type { ClientBase } from 'pg';
import { describeState, fromDriver, StorageUnavailableError } from './storage-error.js';

export interface SessionOptions {
  readonly statementMs: number;
  readonly forCallbacks: boolean;
  /** Prepared statements run on it. */
  readonly keepsPlans: boolean;
}

/**
 * What the statements rely on, set for every connection: a server, a database, a role or a connection pooler may have other
 * defaults.
 */
function sessionSettings({ statementMs, forCallbacks }: SessionOptions): Readonly<Record<string, string>> {
  return {
    client_encoding: 'UTF8',
    standard_conforming_strings: 'on',
    // The driver reads dates, bytes and numbers in these formats.
    datestyle: 'ISO, YMD',
    intervalstyle: 'postgres',
    timezone: 'UTC',
    bytea_output: 'hex',
    extra_float_digits: '1',
    // Concurrent repeats of a callback wait for each other; with a stricter level the server would end one of them.
    default_transaction_isolation: 'read committed',
    // What is acknowledged is on disk.
    synchronous_commit: 'on',
    statement_timeout: String(statementMs),
    // Several callbacks are stored in one statement. When one of them waits for a lock, there is time to store the others without it.
    lock_timeout: String(forCallbacks ? Math.ceil(statementMs / 2) : statementMs),
    idle_in_transaction_session_timeout: String(statementMs),
    idle_session_timeout: '0',
    // No statement is worth the tenth of a second that it takes to compile one.
    jit: 'off',
    enable_seqscan: 'on',
  };
}

/** The search path is the schema of our tables alone: a table of the same name in another schema is not ours. */
const PREPARE = `select (select count(set_config(key, value, false)) from json_each_text($1::json)) as settings,
  current_schema() as schema, set_config('search_path', quote_ident(current_schema()), false), pg_backend_pid() as pid`;

/** The values that a connection starts with, whatever has been set since. */
const DEFAULTS = `select name, reset_val from pg_settings
  where name in ('synchronous_commit', 'default_transaction_isolation', 'statement_timeout')`;

const logger = new Logger('Database');
/** A new connection may be opened often; one warning per process is enough. */
let warned = false;

/** Connections whose statements all run in one process of the server, which keeps what they prepare. */
const DIRECT = new WeakSet<ClientBase>();

export function isDirect(client: ClientBase): boolean {
  return DIRECT.has(client);
}

/** The server tells each client its process. A connection pooler makes up a number, since its connections have many clients. */
function isPooled(client: ClientBase, pid: number): boolean {
  return pid !== (client as ClientBase & { processID?: number | null }).processID;
}

export interface SessionFacts {
  /** A connection pooler is between this process and the server. */
  readonly pooled: boolean;
  /** What has to be set for the role then, and is not, unless the pooler keeps a connection for each client. */
  readonly unset: readonly string[];
}

/**
 * Prepares a new connection.
 * @param startupOptions whether the connection string has `options`
 * @throws StorageUnavailableError when the connection cannot give what the gateway promises
 */
export async function prepareSession(
  client: ClientBase,
  { startupOptions, ...options }: SessionOptions & { startupOptions: boolean },
): Promise<SessionFacts> {
  try {
    const settings = JSON.stringify(sessionSettings(options));
    const { rows } = await client.query<{ schema: string | null; pid: number }>(PREPARE, [settings]);
    const { schema, pid } = rows[0]!;
    if (schema === null) throw new StorageUnavailableError(describeState('3F000'));
    if (isPooled(client, pid)) return { pooled: true, unset: await checkPooler(client, startupOptions) };
    DIRECT.add(client);
    // The plan of a prepared statement is kept: one for the small table of the first day would read all of a large one.
    if (options.keepsPlans) await client.query('set enable_seqscan = off');
    return { pooled: false, unset: [] };
  } catch (error) {
    throw fromDriver(error);
  }
}

/**
 * A pooler may run each transaction on another connection, with other settings than those that we made. Then only the defaults
 * of the role or the database hold.
 */
async function checkPooler(client: ClientBase, startupOptions: boolean): Promise<string[]> {
  if (startupOptions)
    throw new StorageUnavailableError(
      'a connection pooler may drop the "options" of DATABASE_URL; set them for the role (alter role ... set ...)',
    );
  const { rows } = await client.query<{ name: string; reset_val: string }>(DEFAULTS);
  const defaults = new Map(rows.map(({ name, reset_val }) => [name, reset_val]));
  if (defaults.get('synchronous_commit') === 'off')
    throw new StorageUnavailableError(
      'behind a connection pooler, synchronous_commit must be on for the role (alter role ... set synchronous_commit = on)',
    );
  const missing = [
    ...(defaults.get('statement_timeout') === '0' ? ['statement_timeout'] : []),
    ...(defaults.get('default_transaction_isolation') === 'read committed'
      ? []
      : ['default_transaction_isolation']),
  ];
  if (missing.length > 0 && !warned) {
    warned = true;
    logger.warn({
      msg: 'connection pooler: set these for the role, unless it pools sessions',
      variable: missing.join(', '),
    });
  }
  return missing;
}
