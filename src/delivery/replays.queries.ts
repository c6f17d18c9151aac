import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Consumer } from '../config/parsers.js';
import type { Tables } from '../database/tables.js';
import { LEDGER_ENTRIES, OUTBOX } from '../ledger/ledger-view.queries.js';
import { IS_ACCEPTED, inWindow } from '../ledger/ledger-window.js';
import type { LedgerWindow } from '../ledger/ledger-window.js';
import { fromPausesOf } from './consumer-pauses.queries.js';
import { FIRST_ATTEMPT_AT, ORDERING_KEY, TRY_LOCK } from './delivery.queries.js';

/** Entries that one statement counts, far below its time limit. */
export const COUNT_BATCH_SIZE = 50_000;

function acceptedInWindow(window: LedgerWindow) {
  return sql`${IS_ACCEPTED} and ${inWindow(window)}`;
}

/** Counts the next entries of a window after an id. */
export async function countPage(db: Kysely<Tables>, window: LedgerWindow, after: string) {
  const { rows } = await sql<{ count: number; last_id: string | null }>`
    select count(*)::int as count, max(id) as last_id from (
      select l.id from ${LEDGER_ENTRIES} l where l.id > ${after} and ${acceptedInWindow(window)}
      order by l.id limit ${sql.lit(COUNT_BATCH_SIZE)}
    ) page`.execute(db);
  return rows[0]!;
}

/**
 * Creates the deliveries of a batch and moves the cursor in one statement, so that neither happens without the other.
 * @returns the number of deliveries that became due
 */
export async function processBatch(db: Kysely<Tables>, consumers: readonly Consumer[]): Promise<number> {
  const names = consumers.map(({ name }) => name);
  const due = await db
    .selectFrom('delivery_replays')
    .selectAll()
    .where('finished_at', 'is', null)
    .where(sql<boolean>`next_batch_at <= now()`)
    .where((eb) => eb('consumer', '=', eb.fn.any(eb.val(names))))
    // Until their consumer is resumed, it can still be decided that they are not sent.
    .where(sql<boolean>`consumer not in (select p.consumer ${fromPausesOf(consumers)})`)
    .orderBy('next_batch_at')
    .limit(1)
    .executeTakeFirst();
  if (!due) return 0;
  const { id, consumer, rate_per_second: rate, cursor_id: after } = due;
  const ordered = consumers.some(({ name, order_by }) => name === consumer && order_by !== undefined);
  // The cursor is a constant in the statement, so that the primary key is used; `replay` checks that it is still current.
  const { rows } = await sql<{ processed: number }>`
    with ${TRY_LOCK},
    replay as materialized (
      select id from delivery_replays
      where id = ${id} and cursor_id = ${after} and finished_at is null and next_batch_at <= now()
        and (select acquired from creation_lock)
      for update skip locked
    ),
    batch as materialized (
      select l.id, l.accepted_at, ${consumer}::text as consumer,
        ${ordered ? ORDERING_KEY : sql`null::text`} as ordering_key
      from ${LEDGER_ENTRIES} l
      where exists (select from replay) and l.id > ${after} and ${acceptedInWindow({ from: due.from_at, to: due.to_at })}
        and not exists (select from ${OUTBOX} waiting where waiting.ledger_id = l.id)
      order by l.id limit ${rate}
    ),
    d as (select batch.*, row_number() over (partition by ordering_key order by id) as position from batch),
    created as (
      insert into deliveries (ledger_id, consumer, ordering_key, accepted_at, next_attempt_at)
      select id, consumer, ordering_key, accepted_at, ${FIRST_ATTEMPT_AT} from d order by id
      on conflict on constraint deliveries_once_per_consumer do update
      set status = 'pending', schedule_attempts = 0, schedule_started_at = null, next_attempt_at = excluded.next_attempt_at,
        ordering_key = excluded.ordering_key, ended_at = null, lease_token = null, lease_expires_at = null
    ),
    processed as materialized (select count(*)::int as count, max(id) as last_id from batch)
    update delivery_replays r
    set processed_count = r.processed_count + processed.count, cursor_id = coalesce(processed.last_id, r.cursor_id),
      next_batch_at = now() + interval '1 second',
      finished_at = case when processed.count < r.rate_per_second then now() end
    from processed, replay
    where r.id = replay.id
    returning processed.count as processed`.execute(db);
  return rows[0]?.processed ?? 0;
}
