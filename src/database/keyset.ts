import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';

interface KeysetPage {
  readonly count: number;
  readonly last_id: string | null;
}

/**
 * Reads a table page by page in the order of a text key, so that no statement runs long.
 * @param readPage reads the next `pageSize` rows after a key; the first call gets the empty string
 */
export async function* keysetPages<Page extends KeysetPage>(
  pageSize: number,
  readPage: (after: string) => Promise<Page>,
): AsyncGenerator<Page> {
  for (let after = ''; ;) {
    const page = await readPage(after);
    yield page;
    if (page.count < pageSize || page.last_id === null) return;
    after = page.last_id;
  }
}

/** How a list in the order of a number is read from a place on, in either direction. */
export const LIST_ORDERS = {
  asc: { beyond: sql`>`, by: sql`asc`, last: sql`max`, start: '0' },
  desc: { beyond: sql`<`, by: sql`desc`, last: sql`min`, start: '9223372036854775807' },
} as const;

export type ListOrder = keyof typeof LIST_ORDERS;
export type SqlOrder = (typeof LIST_ORDERS)[ListOrder];

/**
 * Equality with the first column of the index that a statement reads in its order; the statement must order by the column, too. A plain
 * equality makes PostgreSQL leave the column out of the order and, when its estimate is wrong, follow another index and skip the rows
 * of all other filters there: all of the table, if need be.
 */
export function leadingEquals(column: RawBuilder<unknown>, value: RawBuilder<unknown>) {
  return sql`${column} = any(array[${value}])`;
}
