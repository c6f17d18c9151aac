import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Tables } from '../database/tables.js';
import { sanitizeText, sha256Key } from '../database/text-columns.js';
import { positionedOfUser, whereUser } from './ledger-feed.js';
import { ACCEPTED } from './ledger.queries.js';

/** Entries that one statement adds up, far below its time limit. */
export const BATCH_SIZE = 10_000;

export interface Balance {
  content: string;
  name: string | null;
  quantity: number;
}

/**
 * The balances of a user up to a position of the feed. They stay true: positions become visible in order, an accepted entry keeps its
 * own, and an entry that is accepted later gets a new one.
 */
export interface Checkpoint {
  /** A number; the driver returns a string. */
  readonly position: string;
  /** With the id of the entry that the name is from. */
  readonly balances: readonly (Balance & { readonly name_id: string | null })[];
}

export interface BalancesPage {
  /** Entries that were added to the earlier checkpoint, at most `BATCH_SIZE`. */
  readonly added: number;
  /** Null if there were none. */
  readonly position: string | null;
  readonly checkpoint: Checkpoint['balances'];
  /** With the entries that have no position yet. */
  readonly balances: Balance[];
}

/** Its last entry is no longer the user's after an erasure, whichever version of the gateway erased it: then there is none. */
export async function findCheckpoint(db: Kysely<Tables>, userId: string): Promise<Checkpoint | undefined> {
  const { rows } = await sql<Checkpoint>`
    select c.feed_position as position, c.balances from ledger_balances c
    where c.user_id_hash = ${userIdHash(userId)}
      and exists (select from ledger where ledger.feed_position = c.feed_position and ${whereUser(userId)})`.execute(
    db,
  );
  return rows[0];
}

/** Adds the next accepted entries of a user to a checkpoint. Issuances have no name; if the name has changed, the newest one is used. */
export async function addEntries(
  db: Kysely<Tables>,
  userId: string,
  { position, balances }: Checkpoint,
): Promise<BalancesPage> {
  const summed = sql`content, sum(quantity) as quantity,
    (array_agg(name order by id desc) filter (where name is not null))[1] as name, max(id) filter (where name is not null) as name_id`;
  const { rows } = await sql<BalancesPage>`
    with added as materialized (
      select page.* from unnest(${ACCEPTED}::text[]) as wanted (status), lateral (
        select id, content, name, quantity, is_test, feed_position from ledger
        where ${positionedOfUser(userId, position, BATCH_SIZE)}
      ) page
      order by page.feed_position limit ${sql.lit(BATCH_SIZE)}
    ),
    checkpoint as materialized (
      select ${summed} from (
        select content, name, name_id as id, quantity
        from jsonb_to_recordset(${JSON.stringify(balances)}::jsonb) as (content text, name text, name_id text, quantity bigint)
        union all select content, name, id, quantity from added where not is_test
      ) entries group by content
    ),
    balances as (
      select ${summed} from (
        select content, name, name_id as id, quantity from checkpoint
        union all select content, name, id, quantity from ledger
        where ${whereUser(userId)} and status = any(${ACCEPTED}::text[]) and feed_position is null and not is_test
      ) entries group by content
    )
    select (select count(*)::int from added) as added, (select max(feed_position) from added) as position,
      (select coalesce(json_agg(c), '[]') from checkpoint c) as checkpoint,
      (select coalesce(json_agg(json_build_object('content', content, 'name', name, 'quantity', quantity) order by content), '[]')
        from balances) as balances`.execute(db);
  // A quantity has at most nine digits, so the sum is exact for nine million entries.
  return rows[0]!;
}

/** Whichever replica saves last: each checkpoint is true. */
export async function saveCheckpoint(
  db: Kysely<Tables>,
  userId: string,
  { position, balances }: Checkpoint,
): Promise<void> {
  await sql`
    insert into ledger_balances (user_id_hash, feed_position, balances)
    values (${userIdHash(userId)}, ${position}::bigint, ${JSON.stringify(balances)}::jsonb)
    on conflict (user_id_hash) do update set feed_position = excluded.feed_position, balances = excluded.balances`.execute(
    db,
  );
}

export async function deleteCheckpoints(db: Kysely<Tables>, userIds: readonly string[]): Promise<void> {
  await sql`delete from ledger_balances where user_id_hash = any(${userIds.map(userIdHash)}::text[])`.execute(
    db,
  );
}

function userIdHash(userId: string): string {
  return sha256Key(sanitizeText(userId));
}
