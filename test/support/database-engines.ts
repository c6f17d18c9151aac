import { rmSync } from 'node:fs';
import { sql } from 'kysely';
import { Database } from '../../src/database/database.js';
import { findPostgres, PostgresServer } from './postgres.js';
import { newDataFolder } from './data-folder.js';

const TABLES =
  'ledger, delivery_outbox, deliveries, delivery_attempts, kiip_user_references, rejected_callbacks, idempotency_keys';

/** A migrated database that can be emptied. */
export interface Engine {
  readonly database: Database;
  /** The same data as another process opens it. The embedded database has one opener, so it returns the same object. */
  another(): Promise<Database>;
  empty(): Promise<void>;
  close(): Promise<void>;
}

/** The engines that a suite runs on: `describe.each(engines)`. */
export const engines: [string, () => Promise<Engine>][] = [['embedded PGlite', embedded]];
const bin = findPostgres();
if (bin !== undefined) engines.push(['PostgreSQL', () => postgresql(bin)]);

async function embedded(): Promise<Engine> {
  const dataDir = newDataFolder();
  const database = new Database({ dataDir, timeoutMs: 30_000 });
  await database.migrate();
  return {
    database,
    another: () => Promise.resolve(database),
    empty: () => empty(database),
    async close() {
      await database.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function postgresql(folder: string): Promise<Engine> {
  const server = await PostgresServer.create(folder);
  const open: Database[] = [];
  const another = async () => {
    const database = new Database({ databaseUrl: server.url('postgres'), dataDir: '', timeoutMs: 30_000 });
    open.push(database);
    await database.migrate();
    return database;
  };
  const database = await another();
  return {
    database,
    another,
    empty: () => empty(database),
    async close() {
      await Promise.all(open.map((each) => each.close()));
      await server.destroy();
    },
  };
}

async function empty(database: Database): Promise<void> {
  await database.run((db) => sql.raw(`truncate ${TABLES}`).execute(db));
}
