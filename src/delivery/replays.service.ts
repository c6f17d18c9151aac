import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Database } from '../database/database.js';
import type { Tables } from '../database/tables.js';
import { firstAttemptAt, orderingKey, tryLock } from './delivery.queries.js';
import type { Subscriber } from './delivery.queries.js';
import { isAccepted, inWindow } from '../ledger/ledger-window.js';
import type { LedgerWindow } from '../ledger/ledger-window.js';

export interface Replay {
  readonly id: string;
  readonly consumer: string;
  readonly window: LedgerWindow;
  /** Rows in the window when it was asked for, and those taken so far. */
  readonly totalCount: number;
  readonly processedCount: number;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

export interface ReplayRequest {
  readonly consumer: string;
  readonly window: LedgerWindow;
  /** Rows a second. */
  readonly ratePerSecond: number;
}

/**
 * Sends what was accepted in a window of time once more to one consumer, under the same ids. A replay is a row that says how far
 * it has come: any replica takes the next batch, and what one that dies has not taken is left for the others.
 * Every method throws StorageUnavailable.
 */
@Injectable()
export class ReplaysService {
  constructor(private readonly database: Database) {}

  /** How many rows a replay would send. */
  async count(window: LedgerWindow): Promise<number> {
    let total = 0;
    for (let after = ''; ;) {
      const { rows } = await this.database.run((db) =>
        sql<{ count: number; last_id: string | null }>`
          select count(*)::int as count, max(id) as last_id from (
            select l.id from ledger l where l.id > ${after} and ${acceptedInWindow(window)} order by l.id limit ${sql.lit(COUNT_BATCH_SIZE)}
          ) page`.execute(db),
      );
      const { count, last_id } = rows[0]!;
      total += count;
      if (count < COUNT_BATCH_SIZE || last_id === null) return total;
      after = last_id;
    }
  }

  async start({ consumer, window, ratePerSecond: rate }: ReplayRequest): Promise<Replay> {
    const total = await this.count(window);
    const row = await this.database.run((db) =>
      db
        .with('resumed', (cte) => cte.deleteFrom('delivery_pauses').where('consumer', '=', consumer))
        .insertInto('delivery_replays')
        .values({ consumer, from_at: window.from, to_at: window.to, rate, total, cursor_id: '' })
        .returningAll()
        .executeTakeFirstOrThrow(),
    );
    return toReplay(row);
  }

  async find(id: string): Promise<Replay | undefined> {
    const row = await this.database.run((db) =>
      db.selectFrom('delivery_replays').selectAll().where('id', '=', id).executeTakeFirst(),
    );
    return row && toReplay(row);
  }

  /** Takes the next batch of one replay that is due. @returns how many rows were made due */
  async processBatch(subscribers: readonly Subscriber[]): Promise<number> {
    return this.database.run((db) => processBatch(db, subscribers));
  }
}

/** Rows that one statement counts: far below its time limit. */
const COUNT_BATCH_SIZE = 50_000;

function acceptedInWindow(window: LedgerWindow) {
  return sql`${isAccepted} and ${inWindow(window)}`;
}

/** One statement, hence all or nothing: the rows of a batch and the place behind them. */
async function processBatch(db: Kysely<Tables>, subscribers: readonly Subscriber[]): Promise<number> {
  const names = subscribers.map(({ name }) => name);
  const due = await db
    .selectFrom('delivery_replays')
    .selectAll()
    .where('finished_at', 'is', null)
    .where(sql<boolean>`next_batch_at <= now()`)
    .where((eb) => eb('consumer', '=', eb.fn.any(eb.val(names))))
    .orderBy('next_batch_at')
    .limit(1)
    .executeTakeFirst();
  if (!due) return 0;
  const { id, consumer, rate, cursor_id: after } = due;
  const ordered = subscribers.some(({ name, ordered: inOrder }) => name === consumer && inOrder);
  // The place is a constant of the statement, so that the primary key leads to it; the replay must still be there.
  const { rows } = await sql<{ taken: number }>`
    with ${tryLock},
    replay as materialized (
      select id from delivery_replays
      where id = ${id} and cursor_id = ${after} and finished_at is null and next_batch_at <= now() and (select mine from turn)
      for update skip locked
    ),
    batch as materialized (
      select l.id, coalesce(l.resolved_at, l.received_at) as accepted_at, ${consumer}::text as consumer,
        ${ordered ? orderingKey : sql`null::text`} as ordering_key
      from ledger l
      where exists (select from replay) and l.id > ${after} and ${acceptedInWindow({ from: due.from_at, to: due.to_at })}
        and not exists (select from delivery_outbox waiting where waiting.ledger_id = l.id)
      order by l.id limit ${rate}
    ),
    d as (select batch.*, row_number() over (partition by ordering_key order by id) as place from batch),
    again as (
      insert into deliveries (ledger_id, consumer, ordering_key, accepted_at, next_attempt_at)
      select id, consumer, ordering_key, accepted_at, ${firstAttemptAt} from d order by id
      on conflict on constraint deliveries_once_per_consumer do update
      set status = 'pending', tries = 0, schedule_started_at = null, next_attempt_at = excluded.next_attempt_at,
        ordering_key = excluded.ordering_key, ended_at = null, claim = null, lease_expires_at = null
    ),
    taken as materialized (select count(*)::int as taken, max(id) as last_id from batch)
    update delivery_replays r
    set done = r.done + taken.taken, cursor_id = coalesce(taken.last_id, r.cursor_id),
      next_batch_at = now() + interval '1 second',
      finished_at = case when taken.taken < r.rate then now() end
    from taken, replay
    where r.id = replay.id
    returning taken.taken`.execute(db);
  return rows[0]?.taken ?? 0;
}

interface ReplayRow {
  id: string;
  consumer: string;
  from_at: Date;
  to_at: Date;
  total: number;
  done: number;
  created_at: Date;
  finished_at: Date | null;
}

function toReplay(row: ReplayRow): Replay {
  return {
    id: row.id,
    consumer: row.consumer,
    window: { from: row.from_at, to: row.to_at },
    totalCount: row.total,
    processedCount: row.done,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
  };
}
