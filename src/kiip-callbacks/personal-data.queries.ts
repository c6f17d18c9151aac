import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Tables } from '../database/tables.js';

/** Deletes the rejected callbacks whose body contains one of these texts, as it is or encoded as in a form or in JSON. */
export async function eraseFromRejectedCallbacks(
  db: Kysely<Tables>,
  texts: readonly string[],
): Promise<number> {
  const spellings = texts.flatMap((text) => [
    text,
    encodeURIComponent(text),
    String(new URLSearchParams([['', text]])).slice(1),
    JSON.stringify(text).slice(1, -1),
  ]);
  const wanted = [...new Set(spellings)].map((text) => Buffer.from(text));
  const { rows } = await sql<{ deleted: number }>`
    with deleted as (
      delete from rejected_callbacks
      where exists (select from unnest(${wanted}::bytea[]) as wanted (text) where position(text in body) > 0) returning 1
    )
    select count(*)::int as deleted from deleted`.execute(db);
  return rows[0]!.deleted;
}

/** Deletes up to `limit` rejected callbacks that were received before. @returns how many */
export async function deleteOldRejectedCallbacks(
  db: Kysely<Tables>,
  before: Date,
  limit: number,
): Promise<number> {
  const { rows } = await sql<{ deleted: number }>`
    with deleted as (
      delete from rejected_callbacks where ctid = any(array(
        select ctid from rejected_callbacks where received_at < ${before} order by received_at limit ${limit} for update skip locked
      )) returning 1
    )
    select count(*)::int as deleted from deleted`.execute(db);
  return rows[0]!.deleted;
}
