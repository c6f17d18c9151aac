import { CompiledQuery } from 'kysely';
import type { Kysely, PostgresPool } from 'kysely';
import type { Tables } from './tables.js';

const NAMES = new Map<string, string>();
const POOLS = new WeakMap<Kysely<Tables>, PostgresPool>();

/**
 * A statement that the server parses and plans once for each connection: for what runs with every request. It goes to the pool of
 * connections itself, since Kysely would build it anew each time.
 */
export class PreparedStatement<Row> {
  /** @param text with $1, $2 ... for the parameters; it names its columns, since a migration must not change those of its result */
  constructor(
    name: string,
    private readonly text: string,
  ) {
    NAMES.set(text, `gateway_${name}`);
  }

  async execute(db: Kysely<Tables>, parameters: readonly unknown[]): Promise<Row[]> {
    const pool = POOLS.get(db);
    // A transaction has a connection of its own.
    if (!pool) return (await db.executeQuery<Row>(CompiledQuery.raw(this.text, [...parameters]))).rows;
    const client = await pool.connect();
    try {
      return (await client.query<Row>(this.text, parameters)).rows;
    } finally {
      client.release();
    }
  }
}

/** Makes a pool known as that of an instance of Kysely. */
export function notePool(db: Kysely<Tables>, pool: PostgresPool): void {
  POOLS.set(db, pool);
}

/** The name to prepare a text with; undefined if it is not a prepared statement. */
export function preparedName(text: string): string | undefined {
  return NAMES.get(text);
}

/** Columns with their types, as `json_to_recordset` declares them. */
export function declareColumns(columns: Readonly<Record<string, string>>): string {
  return Object.entries(columns)
    .map(([column, type]) => `${column} ${type}`)
    .join(', ');
}
