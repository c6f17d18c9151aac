import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely, Selectable, RawBuilder } from 'kysely';
import { auditPart } from '../audit/audit.queries.js';
import type { Actor } from '../audit/audit.queries.js';
import { Config } from '../config/config.js';
import type { Consumer } from '../config/parsers.js';
import { Database } from '../database/database.js';
import { leadingEquals, LIST_ORDERS } from '../database/keyset.js';
import type { ListOrder } from '../database/keyset.js';
import { hasRowOf, toRowCursor } from '../database/row-cursor.js';
import type { CursorList, RowCursor, RowPage } from '../database/row-cursor.js';
import type { DeliveriesTable, DeliveryAttemptsTable, DeliveryStatus, Tables } from '../database/tables.js';
import { OUTBOX } from '../ledger/ledger-view.queries.js';
import { isSuccess } from './consumer-http.js';
import { ANY_URL, findPauses } from './consumer-pauses.queries.js';

export interface Delivery {
  readonly id: string;
  readonly issuanceId: string;
  readonly consumer: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly lastStatus: number | null;
  readonly nextAttemptAt: Date | null;
}

export interface DeliveryQuery {
  readonly consumer?: string | undefined;
  readonly status?: DeliveryStatus | undefined;
  readonly issuanceId?: string | undefined;
  /** Where the page before ended. */
  readonly after: RowCursor | undefined;
  readonly order: ListOrder;
  readonly limit: number;
}

export const DELIVERY_PREFIX = 'dlv_';

const DELIVERY_LIST: CursorList<'deliveries'> = {
  table: 'deliveries',
  prefix: DELIVERY_PREFIX,
  tokenOf: ({ ledger_id }) => ledger_id.slice(-8),
};

/** A delivery with its attempts, the first one first. */
export interface DeliveryHistory extends Delivery {
  readonly acceptedAt: Date;
  readonly endedAt: Date | null;
  readonly attemptLog: readonly {
    readonly at: Date;
    readonly durationMs: number;
    readonly status: number | null;
    readonly outcome: string;
    readonly delivered: boolean;
  }[];
}

/** The deliveries of one ledger entry. */
export interface EntryHistory {
  /** Null while the entry has not been accepted. */
  readonly acceptedAt: Date | null;
  readonly deliveries: readonly DeliveryHistory[];
}

/** What waits for the configured consumers. Deliveries to other consumers are never sent and do not count. */
export interface QueueStats {
  /** Accepted entries without deliveries; 0 if no consumer is configured. */
  readonly outbox: number;
  readonly outboxOldestSeconds: number;
  /** Of each consumer, also without any. */
  readonly deliveries: readonly {
    readonly consumer: string;
    readonly status: string;
    readonly count: number;
  }[];
  /** The age of the oldest entry that has not been delivered to every consumer; 0 if there is none. */
  readonly oldestPendingSeconds: number;
  /** Of each consumer. */
  readonly consumers: readonly { readonly name: string; readonly isPaused: boolean }[];
}

/** Reads and manages stored deliveries. Every method throws StorageUnavailableError. */
@Injectable()
export class DeliveriesService {
  private readonly consumers: readonly Consumer[];

  constructor(
    private readonly database: Database,
    { deliveryConsumers = [] }: Config,
  ) {
    this.consumers = deliveryConsumers;
  }

  /** @returns 'restarted' if the database has been set back to a time before the cursor */
  async list(query: DeliveryQuery): Promise<RowPage<Delivery> | 'restarted'> {
    const rows = await this.database.run((db) => listDeliveries(db, query), 'reads');
    const { after } = query;
    if (after && !(await this.database.run((db) => hasRowOf(db, DELIVERY_LIST, after), 'reads')))
      return 'restarted';
    const last = rows.at(-1);
    return { items: rows.map(toDelivery), next: last && toRowCursor(DELIVERY_LIST, last) };
  }

  /**
   * Makes a delivery due now, whatever its status: a dead one starts a new retry schedule, a delivered one is sent again, and the result
   * of an attempt in flight is ignored. If its consumer is paused after a 410, the pause ends.
   */
  async retry(id: string, actor: Actor): Promise<Delivery | 'not-found' | 'no-consumer'> {
    const names = this.consumers.map(({ name }) => name);
    const row = await this.database.run(
      (db) =>
        db
          .with('retried', (cte) =>
            cte
              .updateTable('deliveries')
              .set({
                status: 'pending',
                schedule_attempts: 0,
                schedule_started_at: null,
                next_attempt_at: sql<Date>`now()`,
                ended_at: null,
                lease_token: null,
                lease_expires_at: null,
              })
              .where(sql<boolean>`id = ${id}::bigint`)
              .where((eb) => eb('consumer', '=', eb.fn.any(eb.val(names))))
              .returningAll(),
          )
          .with('resumed', (cte) =>
            cte
              .deleteFrom('delivery_pauses')
              .where('url_hash', '<>', ANY_URL)
              .where('consumer', 'in', (eb) => eb.selectFrom('retried').select('consumer')),
          )
          .with('audited', () => auditPart('retry', actor, sql`select ${DELIVERY_PREFIX} || id from retried`))
          .selectFrom('retried')
          .selectAll()
          .executeTakeFirst(),
      'reads',
    );
    if (row) return toDelivery(row);
    const existing = await this.database.run(
      (db) =>
        db
          .selectFrom('deliveries')
          .select('id')
          .where(sql<boolean>`id = ${id}::bigint`)
          .executeTakeFirst(),
      'reads',
    );
    return existing ? 'no-consumer' : 'not-found';
  }

  /** When a ledger entry was accepted, and its deliveries with their attempts. */
  async getHistory(ledgerId: string): Promise<EntryHistory> {
    const [waiting, rows, attempts] = await this.database.run(
      (db) =>
        Promise.all([
          findOutboxEntry(db, ledgerId),
          findDeliveries(db, ledgerId),
          findAttempts(db, sql<boolean>`ledger_id = ${ledgerId}`),
        ]),
      'reads',
    );
    const deliveries = rows.map((row) => toHistory(row, attempts));
    return { acceptedAt: waiting?.accepted_at ?? deliveries[0]?.acceptedAt ?? null, deliveries };
  }

  async find(id: string): Promise<DeliveryHistory | undefined> {
    const [row, attempts] = await this.database.run(
      (db) =>
        Promise.all([
          db
            .selectFrom('deliveries')
            .selectAll()
            .where(sql<boolean>`id = ${id}::bigint`)
            .executeTakeFirst(),
          findAttempts(db, sql<boolean>`id = ${id}::bigint`),
        ]),
      'reads',
    );
    return row && toHistory(row, attempts);
  }

  countQueues(): Promise<QueueStats> {
    return this.database.run((db) => countQueues(db, this.consumers), 'reads');
  }
}

const STATUSES: readonly DeliveryStatus[] = ['pending', 'delivered', 'dead'];

async function listDeliveries(
  db: Kysely<Tables>,
  query: DeliveryQuery,
): Promise<Selectable<DeliveriesTable>[]> {
  return (await sql<Selectable<DeliveriesTable>>`${pageOf(query)}`.execute(db)).rows;
}

function pageOf({ consumer, status, issuanceId, after, order, limit }: DeliveryQuery) {
  const { beyond, by, start } = LIST_ORDERS[order];
  const isBeyond = sql`d.id ${beyond} ${after?.id ?? start}::bigint`;
  const statuses = status === undefined ? STATUSES : [status];
  // An entry has one for each consumer.
  if (issuanceId !== undefined)
    return sql`
      select d.* from (select * from deliveries where ledger_id = ${issuanceId} offset 0) d
      where ${isBeyond} and d.status = any(${statuses}::text[]) and ${consumer === undefined ? sql`true` : sql`d.consumer = ${consumer}`}
      order by d.id ${by} limit ${limit}`;
  if (consumer === undefined) {
    const where =
      status === undefined
        ? sql`${isBeyond} order by d.id ${by}`
        : sql`${leadingEquals(sql`d.status`, sql`${status}`)} and ${isBeyond} order by d.status ${by}, d.id ${by}`;
    return sql`select * from deliveries d where ${where} limit ${limit}`;
  }
  // The statuses of a consumer one by one, so that one index serves all of them together and each alone.
  return sql`
    select page.* from unnest(${statuses}::text[]) as wanted (status), lateral (
      select * from deliveries d
      where ${leadingEquals(sql`d.consumer`, sql`${consumer}`)} and d.status = wanted.status and ${isBeyond}
      order by d.consumer ${by}, d.id ${by} limit ${limit}
    ) page
    order by page.id ${by} limit ${limit}`;
}

async function findOutboxEntry(db: Kysely<Tables>, ledgerId: string) {
  const { rows } = await sql<{ accepted_at: Date }>`
    select accepted_at from ${OUTBOX} where ledger_id = ${ledgerId}`.execute(db);
  return rows[0];
}

function findDeliveries(db: Kysely<Tables>, ledgerId: string) {
  return db
    .selectFrom('deliveries')
    .selectAll()
    .where('ledger_id', '=', ledgerId)
    .orderBy('consumer')
    .execute();
}

/** @param condition of the deliveries */
function findAttempts(db: Kysely<Tables>, condition: RawBuilder<boolean>) {
  return db
    .selectFrom('delivery_attempts')
    .selectAll()
    .where('delivery_id', 'in', (eb) => eb.selectFrom('deliveries').select('id').where(condition))
    .orderBy('number')
    .execute();
}

async function countQueues(db: Kysely<Tables>, consumers: readonly Consumer[]): Promise<QueueStats> {
  const names = consumers.map(({ name }) => name);
  const { rows: queues } = await sql<QueueRow>`
    with queues as (
      select (select count(*)::int from ${OUTBOX} where ${names.length > 0}) as outbox,
        (select accepted_at from ${OUTBOX} where ${names.length > 0} order by accepted_at limit 1) as outbox_since,
        (select min(oldest.accepted_at) from unnest(${names}::text[]) as c (name), lateral (
          select accepted_at from deliveries
          where status = 'pending' and consumer = c.name order by accepted_at limit 1
        ) oldest) as pending_since
    )
    select outbox,
      coalesce(extract(epoch from now() - outbox_since), 0)::float8 as outbox_oldest_seconds,
      coalesce(extract(epoch from now() - least(outbox_since, pending_since)), 0)::float8 as oldest_pending_seconds
    from queues`.execute(db);
  const { rows: counts } = await sql<{ consumer: string; status: string; count: number }>`
    select consumer, status, count(*)::int as count from deliveries
    where status in ('pending', 'dead') and consumer = any(${names}::text[]) group by consumer, status`.execute(
    db,
  );
  const pauses = await findPauses(db, consumers);
  const { outbox: waiting, outbox_oldest_seconds, oldest_pending_seconds } = queues[0]!;
  return {
    outbox: waiting,
    outboxOldestSeconds: Math.max(0, outbox_oldest_seconds),
    deliveries: names.flatMap((consumer) =>
      ['pending', 'dead'].map((status) => {
        const row = counts.find((found) => found.consumer === consumer && found.status === status);
        return { consumer, status, count: row?.count ?? 0 };
      }),
    ),
    oldestPendingSeconds: Math.max(0, oldest_pending_seconds),
    consumers: names.map((name) => ({ name, isPaused: pauses.has(name) })),
  };
}

interface QueueRow {
  readonly outbox: number;
  readonly outbox_oldest_seconds: number;
  readonly oldest_pending_seconds: number;
}

function toHistory(
  row: Selectable<DeliveriesTable>,
  attempts: readonly Selectable<DeliveryAttemptsTable>[],
): DeliveryHistory {
  return {
    ...toDelivery(row),
    acceptedAt: row.accepted_at,
    endedAt: row.ended_at,
    attemptLog: attempts
      .filter(({ delivery_id }) => delivery_id === row.id)
      .map(({ started_at, duration_ms, status, outcome }) => ({
        at: started_at,
        durationMs: duration_ms,
        status,
        outcome,
        delivered: isSuccess(status),
      })),
  };
}

function toDelivery(row: Selectable<DeliveriesTable>): Delivery {
  return {
    id: row.id,
    issuanceId: row.ledger_id,
    consumer: row.consumer,
    status: row.status,
    attempts: row.attempts,
    lastStatus: row.last_status,
    nextAttemptAt: row.next_attempt_at,
  };
}
