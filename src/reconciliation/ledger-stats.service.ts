import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Database } from '../database/database.js';
import type { Tables } from '../database/tables.js';
import { subscriberOf } from '../delivery/delivery.queries.js';
import type { Subscriber } from '../delivery/delivery.queries.js';
import { ReconciliationService } from './reconciliation.service.js';
import type { LedgerTotals } from './reconciliation.service.js';

const DAY_MS = 86_400_000;

export interface LedgerStats {
  /** Of the last 24 hours. */
  readonly books: LedgerTotals;
  /** All rows that wait for a decision, of whatever age. */
  readonly quarantined: number;
  /** Rows that have not become deliveries yet; 0 where no consumer is configured, since they wait for nobody. */
  readonly outbox: number;
  /** How long the oldest of these has waited, in seconds. */
  readonly outboxOldestSeconds: number;
  /** Of configured consumers. */
  readonly deliveries: readonly {
    readonly consumer: string;
    readonly status: string;
    readonly count: number;
  }[];
  /** How long the oldest row has waited that is not with every consumer, in seconds; 0 where none waits. */
  readonly oldestPendingSeconds: number;
  readonly pausedConsumers: readonly string[];
}

/** What operators watch of the deliveries, over all replicas. */
@Injectable()
export class LedgerStatsService {
  private readonly consumers: readonly Subscriber[];

  constructor(
    private readonly database: Database,
    private readonly reconciliation: ReconciliationService,
    { deliveryConsumers = [] }: Config,
  ) {
    this.consumers = deliveryConsumers.map(subscriberOf);
  }

  /**
   * Asks the database anew, for as long as a look at every row of a day takes.
   * @throws StorageUnavailable
   */
  async collect(): Promise<LedgerStats> {
    const to = new Date();
    const books = await this.reconciliation.countTotals({ from: new Date(to.getTime() - DAY_MS), to });
    const { consumers } = this;
    return { books, ...(await this.database.run((db) => countQueues(db, consumers))) };
  }
}

async function countQueues(
  db: Kysely<Tables>,
  consumers: readonly Subscriber[],
): Promise<Omit<LedgerStats, 'books'>> {
  // What waits for a consumer that is no longer configured waits for nobody.
  const names = consumers.map(({ name }) => name);
  const { rows: waiting } = await sql<QueueRow>`
    with w as (
      select (select count(*)::int from ledger where status = 'quarantined') as quarantined,
        (select count(*)::int from delivery_outbox where ${names.length > 0}) as outbox,
        (select created_at from delivery_outbox where ${names.length > 0} order by created_at limit 1) as in_outbox_since,
        (select accepted_at from deliveries
          where status = 'pending' and consumer = any(${names}::text[]) order by accepted_at limit 1) as pending_since
    )
    select quarantined, outbox,
      coalesce(extract(epoch from now() - in_outbox_since), 0)::float8 as outbox_oldest,
      coalesce(extract(epoch from now() - least(in_outbox_since, pending_since)), 0)::float8 as oldest
    from w`.execute(db);
  const { rows: deliveries } = await sql<{ consumer: string; status: string; count: number }>`
    select consumer, status, count(*)::int as count from deliveries
    where status <> 'delivered' and consumer = any(${names}::text[]) group by consumer, status`.execute(db);
  const pauses = await db.selectFrom('delivery_pauses').select(['consumer', 'url_hash']).execute();
  const paused = consumers.filter(({ name, urlHash }) =>
    pauses.some(({ consumer, url_hash }) => consumer === name && url_hash === urlHash),
  );
  const { quarantined, outbox, outbox_oldest, oldest } = waiting[0]!;
  return {
    quarantined,
    outbox,
    outboxOldestSeconds: Math.max(0, outbox_oldest),
    oldestPendingSeconds: Math.max(0, oldest),
    deliveries,
    pausedConsumers: paused.map(({ name }) => name),
  };
}

interface QueueRow {
  readonly quarantined: number;
  readonly outbox: number;
  readonly outbox_oldest: number;
  readonly oldest: number;
}
