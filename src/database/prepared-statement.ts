import { CompiledQuery } from 'kysely';
import type { Kysely } from 'kysely';
import type { Tables } from './tables.js';

const names = new Map<string, string>();

/** A statement that the server parses and plans once for each connection: for what runs with every request. */
export class PreparedStatement<Row> {
  /** @param text with $1, $2 ... for the parameters; it names its columns, since a migration must not change those of its result */
  constructor(
    name: string,
    private readonly text: string,
  ) {
    names.set(text, `gateway_${name}`);
  }

  async execute(db: Kysely<Tables>, parameters: readonly unknown[]): Promise<Row[]> {
    return (await db.executeQuery<Row>(CompiledQuery.raw(this.text, [...parameters]))).rows;
  }
}

/** The name to prepare a text with; undefined if it is not a prepared statement. */
export function preparedName(text: string): string | undefined {
  return names.get(text);
}
