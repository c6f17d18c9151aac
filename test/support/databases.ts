import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { Client, Pool } from 'pg';
import { Database } from '../../src/database/database.js';

/** All that keep rows, referring tables first. */
const TABLES = [
  'delivery_attempts',
  'deliveries',
  'delivery_outbox',
  'ledger_balances',
  'ledger',
  'kiip_promised_rewards',
  'kiip_rewarded_moments',
  'kiip_user_references',
  'rejected_callbacks',
  'idempotency_keys',
];

/** A migrated database of the test's own, on the server that all tests share. */
export interface TestDatabase {
  /** Its URL, which is that of DATABASE_URL in `env`. */
  readonly url: string;
  readonly env: { readonly DATABASE_URL: string };
  /** Opens it as one more process does. It is closed by `drop`. */
  open(): Promise<Database>;
  /** Runs one statement on a connection that no gateway uses. */
  query(text: string): Promise<Record<string, unknown>[]>;
  client(): Promise<Client>;
  /** Deletes all rows. */
  empty(): Promise<void>;
  drop(): Promise<void>;
}

export async function newDatabase(): Promise<TestDatabase> {
  const name = `gateway_${randomUUID().replaceAll('-', '')}`;
  await administer(`create database ${name} ${process.env['TEST_DATABASE_OPTIONS']!}`);
  const url = new URL(process.env['TEST_DATABASE_URL']!);
  url.pathname = name;
  const opened: Database[] = [];
  const open = async () => {
    const database = new Database({ server: url.href, timeoutMs: 30_000 });
    opened.push(database);
    await database.migrate();
    return database;
  };
  const pool = new Pool({ connectionString: url.href, allowExitOnIdle: true });
  pool.on('error', () => undefined);
  const query = async (text: string) => (await pool.query<Record<string, unknown>>(text)).rows;
  return {
    url: url.href,
    env: { DATABASE_URL: url.href },
    open,
    query,
    client: () => connect(url.href),
    async empty() {
      const database = opened[0] ?? (await open());
      // `truncate` makes new files, which takes a hundred times as long for a few rows.
      await database.run((db) =>
        sql.raw(TABLES.map((table) => `delete from ${table}`).join(';')).execute(db),
      );
    },
    async drop() {
      await Promise.all([...opened.map((database) => database.close()), pool.end()]);
      await administer(`drop database ${name} with (force)`);
    },
  };
}

async function administer(statement: string): Promise<void> {
  const client = await connect(process.env['TEST_DATABASE_URL']!);
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  // A test may end its connections, and `drop` does.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
