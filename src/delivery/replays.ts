import { type Kysely, sql } from 'kysely';
import type { Database } from '../database/database.js';
import type { Tables } from '../database/tables.js';
import type { Subscriber } from './delivery-statements.js';
import { accepted, received } from './ledger-window.js';
import type { LedgerWindow } from './ledger-window.js';

export interface Replay {
  readonly id: string;
  readonly consumer: string;
  readonly window: LedgerWindow;
  /** Rows in the window when it was asked for, and those taken so far. */
  readonly total: number;
  readonly done: number;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

export interface ReplayOrder {
  readonly consumer: string;
  readonly window: LedgerWindow;
  /** Rows a second. */
  readonly rate: number;
}

/**
 * Sends what was accepted in a window of time once more to one consumer, under the same ids. A replay is a row that says how far
 * it has come: any replica takes the next batch, and what one that dies has not taken is left for the others.
 * Every method throws StorageUnavailable.
 */
export class Replays {
  constructor(private readonly database: Database) {}

  /** How many rows a replay would send. */
  async count({ window }: Pick<ReplayOrder, 'window'>): Promise<number> {
    const { rows } = await this.database.run((db) =>
      sql<{ total: number }>`select count(*)::int as total from ledger l where ${acceptedIn(window)}`.execute(
        db,
      ),
    );
    return rows[0]!.total;
  }

  async start({ consumer, window, rate }: ReplayOrder): Promise<Replay> {
    const row = await this.database.run((db) =>
      db
        .with('resumed', (cte) => cte.deleteFrom('delivery_pauses').where('consumer', '=', consumer))
        .insertInto('delivery_replays')
        .values({
          consumer,
          from_at: window.from,
          to_at: window.to,
          rate,
          after_id: '',
          total: sql<number>`(select count(*)::int from ledger l where ${acceptedIn(window)})`,
        })
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
  async takeBatch(subscribers: readonly Subscriber[]): Promise<number> {
    return this.database.run((db) => takeBatch(db, subscribers));
  }
}

function acceptedIn(window: LedgerWindow) {
  return sql`${accepted} and ${received(window)}`;
}

/** One statement, hence all or nothing: the rows of a batch and the place behind them. */
async function takeBatch(db: Kysely<Tables>, subscribers: readonly Subscriber[]): Promise<number> {
  const names = subscribers.map(({ name }) => name);
  const ordered = subscribers.filter(({ ordered: inOrder }) => inOrder).map(({ name }) => name);
  const open = await db
    .selectFrom('delivery_replays')
    .select(['id', 'from_at', 'to_at'])
    .where('finished_at', 'is', null)
    .where(sql<boolean>`next_batch_at <= now()`)
    .where((eb) => eb('consumer', '=', eb.fn.any(eb.val(names))))
    .orderBy('created_at')
    .limit(1)
    .executeTakeFirst();
  if (!open) return 0;
  const window = { from: open.from_at, to: open.to_at };
  const { rows } = await sql<{ taken: number }>`
    with replay as materialized (
      select * from delivery_replays where id = ${open.id} and finished_at is null and next_batch_at <= now()
      for update skip locked
    ),
    batch as materialized (
      select l.id, left(l.user_id, 256) as user_id, coalesce(l.decided_at, l.received_at) as accepted_at
      from ledger l, replay
      where l.id > replay.after_id and ${acceptedIn(window)}
        and not exists (select from delivery_outbox waiting where waiting.ledger_id = l.id)
      order by l.id limit (select rate from replay)
    ),
    again as (
      insert into deliveries (ledger_id, consumer, ordering_key, accepted_at)
      select batch.id, replay.consumer, case when replay.consumer = any(${ordered}::text[]) then batch.user_id end, batch.accepted_at
      from batch, replay
      order by batch.id
      on conflict on constraint deliveries_once_per_consumer do update
      set status = 'pending', tries = 0, tried_since = now(), next_attempt_at = now(), ended_at = null
    ),
    taken as materialized (select count(*)::int as taken, max(id) as last_id from batch)
    update delivery_replays r
    set done = r.done + taken.taken, after_id = coalesce(taken.last_id, r.after_id),
      next_batch_at = now() + interval '1 second',
      finished_at = case when taken.taken < r.rate then now() end
    from taken, replay
    where r.id = replay.id
    returning taken.taken`.execute(db);
  return rows[0]?.taken ?? 0;
}

interface Row {
  id: string;
  consumer: string;
  from_at: Date;
  to_at: Date;
  total: number;
  done: number;
  created_at: Date;
  finished_at: Date | null;
}

function toReplay(row: Row): Replay {
  return {
    id: row.id,
    consumer: row.consumer,
    window: { from: row.from_at, to: row.to_at },
    total: row.total,
    done: row.done,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
  };
}
