import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Database } from '../database/database.js';
import type { Tables } from '../database/tables.js';
import { subscriberOf } from '../delivery/delivery.queries.js';
import type { Subscriber } from '../delivery/delivery.queries.js';
import { Reconciliation } from './reconciliation.service.js';
import type { Conservation } from './reconciliation.service.js';

const dayMs = 86_400_000;

export interface Figures {
  /** Of the last 24 hours. */
  readonly books: Conservation;
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
  readonly oldestSeconds: number;
  readonly paused: readonly string[];
}

/** What operators watch of the deliveries, over all replicas. */
@Injectable()
export class DeliveryFigures {
  private readonly consumers: readonly Subscriber[];

  constructor(
    private readonly database: Database,
    private readonly reconciliation: Reconciliation,
    { deliveryConsumers = [] }: Config,
  ) {
    this.consumers = deliveryConsumers.map(subscriberOf);
  }

  /**
   * Asks the database anew, for as long as a look at every row of a day takes.
   * @throws StorageUnavailable
   */
  async count(): Promise<Figures> {
    const to = new Date();
    const books = await this.reconciliation.count({ from: new Date(to.getTime() - dayMs), to });
    const { consumers } = this;
    return { books, ...(await this.database.run((db) => queues(db, consumers))) };
  }
}

async function queues(db: Kysely<Tables>, consumers: readonly Subscriber[]): Promise<Omit<Figures, 'books'>> {
  // What waits for a consumer that is no longer configured waits for nobody.
  const names = consumers.map(({ name }) => name);
  const { rows: waiting } = await sql<Waiting>`
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
  const pauses = await db.selectFrom('delivery_pauses').select(['consumer', 'url_key']).execute();
  const paused = consumers.filter(({ name, urlKey }) =>
    pauses.some(({ consumer, url_key }) => consumer === name && url_key === urlKey),
  );
  const { quarantined, outbox, outbox_oldest, oldest } = waiting[0]!;
  return {
    quarantined,
    outbox,
    outboxOldestSeconds: Math.max(0, outbox_oldest),
    oldestSeconds: Math.max(0, oldest),
    deliveries,
    paused: paused.map(({ name }) => name),
  };
}

interface Waiting {
  readonly quarantined: number;
  readonly outbox: number;
  readonly outbox_oldest: number;
  readonly oldest: number;
}
