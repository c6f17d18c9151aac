import { type Kysely, sql } from 'kysely';
import type { Database } from '../database/database.js';
import type { Tables } from '../database/tables.js';
import type { Subscriber } from './delivery-statements.js';
import type { Conservation, Reconciliation } from './reconciliation.js';

const dayMs = 86_400_000;
/** Anybody may ask for metrics: after an answer of the database, it is left alone for so long. */
const freshMs = 15_000;

export interface Figures {
  /** Of the last 24 hours. */
  readonly books: Conservation;
  /** Rows that have not become deliveries yet. */
  readonly outbox: number;
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
export class DeliveryFigures {
  private asking: Promise<Figures> | undefined;

  /** @param consumers those that anything is sent to */
  constructor(
    private readonly database: Database,
    private readonly reconciliation: Reconciliation,
    private readonly consumers: readonly Subscriber[],
  ) {}

  /** @throws StorageUnavailable */
  read(): Promise<Figures> {
    this.asking ??= this.ask().finally(() => setTimeout(() => (this.asking = undefined), freshMs).unref());
    return this.asking;
  }

  private async ask(): Promise<Figures> {
    const to = new Date();
    const books = await this.reconciliation.count({ from: new Date(to.getTime() - dayMs), to });
    const { consumers } = this;
    return { books, ...(await this.database.run((db) => queues(db, consumers))) };
  }
}

async function queues(db: Kysely<Tables>, consumers: readonly Subscriber[]): Promise<Omit<Figures, 'books'>> {
  const names = consumers.map(({ name }) => name);
  // What waits for a consumer that is no longer configured waits for nobody.
  const { rows: waiting } = await sql<{ outbox: number; oldest: number }>`
    select (select count(*)::int from delivery_outbox) as outbox,
      coalesce(extract(epoch from now() - least(
        (select created_at from delivery_outbox order by created_at limit 1),
        (select accepted_at from deliveries where status = 'pending' and consumer = any(${names}::text[]) order by accepted_at limit 1)
      )), 0)::float8 as oldest`.execute(db);
  const { rows: deliveries } = await sql<{ consumer: string; status: string; count: number }>`
    select consumer, status, count(*)::int as count from deliveries where status <> 'delivered' group by consumer, status`.execute(
    db,
  );
  const pauses = await db.selectFrom('delivery_pauses').select(['consumer', 'url_key']).execute();
  const paused = consumers.filter(({ name, urlKey }) =>
    pauses.some(({ consumer, url_key }) => consumer === name && url_key === urlKey),
  );
  const { outbox, oldest } = waiting[0]!;
  return { outbox, oldestSeconds: Math.max(0, oldest), deliveries, paused: paused.map(({ name }) => name) };
}
