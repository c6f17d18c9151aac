import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { auditPart } from '../audit/audit.queries.js';
import type { Actor } from '../audit/audit.queries.js';
import type { Consumer } from '../config/parsers.js';
import { Database } from '../database/database.js';
import { keysetPages } from '../database/keyset.js';
import { LedgerScans } from '../ledger/ledger-scans.js';
import type { LedgerWindow } from '../ledger/ledger-window.js';
import { ANY_URL } from './consumer-pauses.queries.js';
import { COUNT_BATCH_SIZE, countPage, processBatch } from './replays.queries.js';

export const REPLAY_STATUSES = ['running', 'paused', 'finished', 'cancelled'] as const;
export type ReplayStatus = (typeof REPLAY_STATUSES)[number];

export interface Replay {
  readonly id: string;
  readonly consumer: string;
  readonly status: ReplayStatus;
  readonly window: LedgerWindow;
  /** Entries in the window when the replay was requested. */
  readonly totalCount: number;
  readonly processedCount: number;
  readonly createdAt: Date;
  /** The caller, and the id of the request. */
  readonly requestedBy: string | null;
  readonly requestId: string | null;
  /** When it had processed every entry, or was cancelled. */
  readonly finishedAt: Date | null;
}

const STATUS = sql<ReplayStatus>`case when is_cancelled then 'cancelled' when finished_at is not null then 'finished'
  when next_batch_at = 'infinity' then 'paused' else 'running' end`;

/** What a caller may do with a replay, from which statuses, and the status after it. */
const CHANGES = {
  pause: { from: ['running'], to: 'paused', set: { next_batch_at: sql<Date>`'infinity'` } },
  resume: { from: ['paused'], to: 'running', set: { next_batch_at: sql<Date>`now()` } },
  cancel: {
    from: ['running', 'paused'],
    to: 'cancelled',
    set: { finished_at: sql<Date>`now()`, is_cancelled: true },
  },
} as const satisfies Record<string, { from: readonly ReplayStatus[]; to: ReplayStatus; set: object }>;
export type ReplayChange = keyof typeof CHANGES;

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
          .with('resumed', (cte) =>
            cte
              .deleteFrom('delivery_pauses')
              .where('consumer', '=', consumer)
              .where('url_hash', '<>', ANY_URL),
          )
          .with('started', (cte) => cte.insertInto('delivery_replays').values(values).returningAll())
          .with('audited', () => auditPart('replay', requester, sql`select id::text from started`))
          .selectFrom('started')
          .selectAll()
          .select(STATUS.as('status'))
          .executeTakeFirstOrThrow(),
      'reads',
    );
    return toReplay(row);
  }

  async find(id: string): Promise<Replay | undefined> {
    const row = await this.database.run(
      (db) =>
        db
          .selectFrom('delivery_replays')
          .selectAll()
          .select(STATUS.as('status'))
          .where('id', '=', id)
          .executeTakeFirst(),
      'reads',
    );
    return row && toReplay(row);
  }

  /** Newest first. @param before the id of the last replay of the page before */
  async list(limit: number, before?: string): Promise<Replay[]> {
    const rows = await this.database.run(
      (db) =>
        db
          .selectFrom('delivery_replays')
          .selectAll()
          .select(STATUS.as('status'))
          .$if(before !== undefined, (query) =>
            query.where(
              sql<boolean>`(created_at, id) < (select created_at, id from delivery_replays where id = ${before})`,
            ),
          )
          .orderBy('created_at', 'desc')
          .orderBy('id', 'desc')
          .limit(limit)
          .execute(),
      'reads',
    );
    return rows.map(toReplay);
  }

  /**
   * Pauses, resumes or cancels a replay. A batch in flight ends first; nothing of a replay becomes due while it is paused, or after it
   * was cancelled. Without effect on a replay that has the status already.
   * @returns 'conflict' if it has ended
   */
  async change(
    id: string,
    change: ReplayChange,
    requester: Actor,
  ): Promise<Replay | 'not-found' | 'conflict'> {
    const { from, to, set } = CHANGES[change];
    const row = await this.database.run(
      (db) =>
        db
          .with('changed', (cte) =>
            cte
              .updateTable('delivery_replays')
              .set(set)
              .where('id', '=', id)
              .where(STATUS, 'in', from)
              .returningAll(),
          )
          .with('audited', () => auditPart(change, requester, sql`select id::text from changed`))
          .selectFrom('changed')
          .selectAll()
          .select(STATUS.as('status'))
          .executeTakeFirst(),
      'reads',
    );
    if (row) return toReplay(row);
    const replay = await this.find(id);
    if (!replay) return 'not-found';
    return replay.status === to ? replay : 'conflict';
  }

  /** Processes the next batch of one replay that is due. @returns the number of deliveries that became due */
  async processBatch(consumers: readonly Consumer[]): Promise<number> {
    return this.database.run((db) => processBatch(db, consumers), 'workers');
  }
}

interface ReplayRow {
  id: string;
  consumer: string;
  status: ReplayStatus;
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
    status: row.status,
    window: { from: row.from_at, to: row.to_at },
    totalCount: row.total_count,
    processedCount: row.processed_count,
    createdAt: row.created_at,
    requestedBy: row.requested_by,
    requestId: row.request_id,
    finishedAt: row.finished_at,
  };
}
