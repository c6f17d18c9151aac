import { type Kysely, sql } from 'kysely';
import type { Database } from '../database/database.js';
import type { Tables } from '../database/tables.js';
import type { Conservation, Reconciliation } from './reconciliation.js';

const dayMs = 86_400_000;
/** Anybody may ask for metrics: so often, at most, is the database asked. */
const freshMs = 10_000;

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
  private last: { readonly at: number; readonly figures: Promise<Figures> } | undefined;

  constructor(
    private readonly database: Database,
    private readonly reconciliation: Reconciliation,
  ) {}

  /** @throws StorageUnavailable */
  read(): Promise<Figures> {
    if (!this.last || performance.now() - this.last.at > freshMs)
      this.last = { at: performance.now(), figures: this.ask() };
    return this.last.figures;
  }

  private async ask(): Promise<Figures> {
    const to = new Date();
    const books = await this.reconciliation.count({ from: new Date(to.getTime() - dayMs), to });
    return { books, ...(await this.database.run(queues)) };
  }
}

async function queues(db: Kysely<Tables>): Promise<Omit<Figures, 'books'>> {
  const { rows: waiting } = await sql<{ outbox: number; oldest: number }>`
    select (select count(*)::int from delivery_outbox) as outbox,
      coalesce(extract(epoch from now() - least(
        (select min(created_at) from delivery_outbox),
        (select min(accepted_at) from deliveries where status = 'pending'))), 0)::float8 as oldest`.execute(
    db,
  );
  const { rows: deliveries } = await sql<{ consumer: string; status: string; count: number }>`
    select consumer, status, count(*)::int as count from deliveries where status in ('pending', 'dead') group by consumer, status`.execute(
    db,
  );
  const pauses = await db.selectFrom('delivery_pauses').select('consumer').execute();
  const { outbox, oldest } = waiting[0]!;
  return {
    outbox,
    oldestSeconds: Math.max(0, oldest),
    deliveries,
    paused: pauses.map(({ consumer }) => consumer),
  };
}
