import { Client } from 'pg';
import type { Config } from '../config/config.js';
import { CLIENT_TIMEOUT_MARGIN_MS } from '../database/postgresql.js';
import { prepareSession } from '../database/session.js';
import type { SessionFacts } from '../database/session.js';
import { describeState, fromDriver, sqlState } from '../database/storage-error.js';
import { toPositiveMs } from '../database/time-limit.js';
import { adviseOn, failed, ok, warning } from './finding.js';
import type { Finding } from './finding.js';
import { checkMigrations, checkRights } from './schema-checks.js';
import type { Query } from './schema-checks.js';

const MIN_VERSION = 14;
/** The latest that the gateway is tested with. */
const MAX_VERSION = 18;
/** Signatures of deliveries have the time of the database, and consumers usually reject a difference of five minutes. */
const CLOCK_WARNING_MS = 2_000;
const CLOCK_FAILED_MS = 60_000;

type ServerCheck = (check: string, query: Query, session: SessionFacts, config: Config) => Promise<Finding>;

const SERVER_CHECKS: Readonly<Record<string, ServerCheck>> = {
  'database migrations': checkMigrations,
  'database rights': checkRights,
  'database pooler': checkPooler,
  'database clock': checkClock,
  'database connections': checkConnections,
};

/** Connects as the gateway does. It writes nothing, and waits for no lock. @param where shown in place of the URL */
export async function checkServer(databaseUrl: string, config: Config, where: string): Promise<Finding[]> {
  const timeoutMs = toPositiveMs(config.databaseTimeoutMs);
  const client = new Client({
    connectionString: databaseUrl,
    application_name: 'rewards-gateway doctor',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs + CLIENT_TIMEOUT_MARGIN_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const session = await prepareSession(client, {
      statementMs: timeoutMs,
      forCallbacks: false,
      keepsPlans: false,
      startupOptions: /[?&]options=/.test(databaseUrl),
    });
    const query: Query = async (text, values) => (await client.query(text, values)).rows as never;
    const findings = [await checkVersion('database', query, where)];
    for (const [name, check] of Object.entries(SERVER_CHECKS))
      findings.push(
        await check(name, query, session, config).catch((error: unknown) => toFinding(name, where, error)),
      );
    return findings;
  } catch (error) {
    return [toFinding('database', where, error)];
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A driver's message may contain hosts and users. */
function toFinding(check: string, where: string, error: unknown): Finding {
  const state = sqlState(error);
  const { message } = fromDriver(error) as Error;
  const reason = state === undefined ? message.replace('storage unavailable: ', '') : describeState(state);
  return failed(check, `${where}: ${reason}${adviseOnConnection(reason)}`);
}

function adviseOnConnection(reason: string): string {
  if (/28P01|28000|3D000/.test(reason)) return ': correct DATABASE_URL, or the server';
  if (/53300/.test(reason)) return ': raise max_connections, or use a connection pooler';
  return /no connection/.test(reason) ? `: ${adviseOn(reason)}` : '';
}

async function checkVersion(check: string, query: Query, where: string): Promise<Finding> {
  const [row] = await query<{ version: string; major: number; encoding: string; read_only: string }>(
    `select split_part(current_setting('server_version'), ' ', 1) as version,
      current_setting('server_version_num')::int / 10000 as major,
      current_setting('server_encoding') as encoding, current_setting('transaction_read_only') as read_only`,
  );
  const { version, major, encoding, read_only: readOnly } = row!;
  const found = `PostgreSQL ${version} (${where}), ${encoding}`;
  if (major < MIN_VERSION) return failed(check, `${found}: version ${MIN_VERSION} or later is required`);
  if (encoding !== 'UTF8')
    return failed(check, `${found}: UTF8 is required: create a database with encoding 'UTF8'`);
  if (readOnly === 'on')
    return failed(check, `${found}: it is read-only: name the primary server, or allow writes`);
  if (major > MAX_VERSION)
    return warning(check, `${found}: tested up to version ${MAX_VERSION}: look for a newer gateway`);
  return ok(check, found);
}

async function checkPooler(check: string, query: Query, { pooled, unset }: SessionFacts): Promise<Finding> {
  if (!pooled) return ok(check, 'none');
  try {
    await query('begin');
    await query('rollback');
  } catch {
    return failed(
      check,
      'it pools statements, and the gateway needs transactions: set its pool mode to transaction',
    );
  }
  if (unset.length === 0) return ok(check, 'there is one, and the role has the settings that it needs');
  return warning(
    check,
    `there is one: unless it pools sessions, set ${unset.join(' and ')} for the role (docs/runbook.md, PgBouncer)`,
  );
}

async function checkClock(check: string, query: Query): Promise<Finding> {
  const before = new Date();
  const [row] = await query<{ ms: string }>('select extract(epoch from clock_timestamp()) * 1000 as ms');
  // The server has read its clock at some time between the two.
  const roundTripMs = Math.max(0, new Date().getTime() - before.getTime());
  const differenceMs = Math.abs(Number(row!.ms) - before.getTime() - roundTripMs / 2);
  const text = `it differs from that of this machine by ${(differenceMs / 1000).toFixed(1)} s`;
  if (differenceMs <= CLOCK_WARNING_MS + roundTripMs) return ok(check, text);
  const advice = `${text}: synchronize both (NTP), or consumers reject signatures`;
  return differenceMs > CLOCK_FAILED_MS ? failed(check, advice) : warning(check, advice);
}

async function checkConnections(
  check: string,
  query: Query,
  _: SessionFacts,
  { databasePoolSize }: Config,
): Promise<Finding> {
  // And one that migrates.
  const needed = databasePoolSize + 1;
  const [row] = await query<{ used: number; usable: number }>(
    `select (select sum(numbackends) from pg_stat_database)::int as used, current_setting('max_connections')::int
      - current_setting('superuser_reserved_connections')::int
      - coalesce(current_setting('reserved_connections', true), '0')::int as usable`,
  );
  const { used, usable } = row!;
  const text = `${used} of ${usable} are in use, and a gateway has up to ${needed}`;
  if (usable - used >= needed) return ok(check, text);
  return warning(check, `${text}: raise max_connections, or use a connection pooler`);
}
