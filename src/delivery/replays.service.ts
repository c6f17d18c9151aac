import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { auditPart } from '../audit/audit.queries.js';
import type { Actor } from '../audit/audit.queries.js';
import type { Consumer } from '../config/parsers.js';
import { Database } from '../database/database.js';
import { keysetPages } from '../database/keyset.js';
import type { Tables } from '../database/tables.js';
import { LEDGER_ENTRIES, OUTBOX } from '../ledger/ledger-view.queries.js';
import { LedgerScans } from '../ledger/ledger-scans.js';
import { IS_ACCEPTED, inWindow } from '../ledger/ledger-window.js';
import type { LedgerWindow } from '../ledger/ledger-window.js';
import { FIRST_ATTEMPT_AT, ORDERING_KEY, TRY_LOCK } from './delivery.queries.js';

/** Entries that one statement counts, far below its time limit. */
const COUNT_BATCH_SIZE = 50_000;

export interface Replay {
  readonly id: string;
  readonly consumer: string;
  readonly window: LedgerWindow;
  /** Entries in the window when the replay was requested. */
  readonly totalCount: number;
  readonly processedCount: number;
  readonly createdAt: Date;
  /** The caller, and the id of the request. */
  readonly requestedBy: string | null;
  readonly requestId: string | null;
  readonly finishedAt: Date | null;
}

export interface ReplayRequest {
  readonly consumer: string;
  readonly window: LedgerWindow;
  /** Entries per second. */
  readonly ratePerSecond: number;
  readonly requester: Actor;
}

/**
 * Sends the entries that were accepted in a time window to one consumer again, under the same ids. The table keeps the progress of a
 * replay: any replica processes the next batch, and others continue if one fails. Every method throws StorageUnavailableError.
 */
@Injectable()
export class ReplaysService {
  private readonly scans = new LedgerScans();

  constructor(private readonly database: Database) {}

  /** The number of entries that a replay would send. @throws Problem `rate-limited`, when too many counts wait already */
  count(window: LedgerWindow): Promise<number> {
    return this.scans.run(() => this.countEntries(window));
  }

  private async countEntries(window: LedgerWindow): Promise<number> {
    let total = 0;
    const pages = keysetPages(COUNT_BATCH_SIZE, (after) =>
      this.database.run((db) => countPage(db, window, after), 'reads'),
    );
    for await (const { count } of pages) total += count;
    return total;
  }

  async start({ consumer, window, ratePerSecond, requester }: ReplayRequest): Promise<Replay> {
    const values = {
      consumer,
      from_at: window.from,
      to_at: window.to,
      rate_per_second: ratePerSecond,
      total_count: await this.count(window),
      cursor_id: '',
      requested_by: requester.caller,
      request_id: requester.requestId,
    };
    const row = await this.database.run(
      (db) =>
        db
          .with('resumed', (cte) => cte.deleteFrom('delivery_pauses').where('consumer', '=', consumer))
          .with('started', (cte) => cte.insertInto('delivery_replays').values(values).returningAll())
          .with('audited', () => auditPart('replay', requester, sql`select id::text from started`))
          .selectFrom('started')
          .selectAll()
          .executeTakeFirstOrThrow(),
      'reads',
    );
    return toReplay(row);
  }

  async find(id: string): Promise<Replay | undefined> {
    const row = await this.database.run(
      (db) => db.selectFrom('delivery_replays').selectAll().where('id', '=', id).executeTakeFirst(),
      'reads',
    );
    return row && toReplay(row);
  }

  /** Processes the next batch of one replay that is due. @returns the number of deliveries that became due */
  async processBatch(consumers: readonly Consumer[]): Promise<number> {
    return this.database.run((db) => processBatch(db, consumers), 'workers');
  }
}

function acceptedInWindow(window: LedgerWindow) {
  return sql`${IS_ACCEPTED} and ${inWindow(window)}`;
}

async function countPage(db: Kysely<Tables>, window: LedgerWindow, after: string) {
  const { rows } = await sql<{ count: number; last_id: string | null }>`
    select count(*)::int as count, max(id) as last_id from (
      select l.id from ${LEDGER_ENTRIES} l where l.id > ${after} and ${acceptedInWindow(window)}
      order by l.id limit ${sql.lit(COUNT_BATCH_SIZE)}
    ) page`.execute(db);
  return rows[0]!;
}

/** Creates the deliveries of a batch and moves the cursor in one statement, so that neither happens without the other. */
async function processBatch(db: Kysely<Tables>, consumers: readonly Consumer[]): Promise<number> {
  const names = consumers.map(({ name }) => name);
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

interface ReplayRow {
  id: string;
  consumer: string;
  from_at: Date;
  to_at: Date;
  total_count: number;
  processed_count: number;
  created_at: Date;
  requested_by: string | null;
  request_id: string | null;
  finished_at: Date | null;
}

function toReplay(row: ReplayRow): Replay {
  return {
    id: row.id,
    consumer: row.consumer,
    window: { from: row.from_at, to: row.to_at },
    totalCount: row.total_count,
    processedCount: row.processed_count,
    createdAt: row.created_at,
    requestedBy: row.requested_by,
    requestId: row.request_id,
    finishedAt: row.finished_at,
  };
}
