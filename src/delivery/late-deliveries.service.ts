import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Config } from '../config/config.js';
import { Database } from '../database/database.js';
import type { Tables } from '../database/tables.js';
import { OUTBOX } from '../ledger/ledger-view.queries.js';

/** The objective of docs/observability.md: an accepted entry reaches its consumers within this time. */
const ON_TIME_SECONDS = 30;

/**
 * Counts deliveries that are still pending when their time is over, each once. A histogram of latencies shows a late delivery only
 * after its consumer has recovered. Replays and manual retries are not counted, unless their entry has just been accepted.
 */
@Injectable()
export class LateDeliveriesService {
  private readonly late: Map<string, number>;
  /** Entries accepted until then have been checked. */
  private checkedUntil: Date | null = null;

  constructor(
    private readonly database: Database,
    { deliveryConsumers = [] }: Config,
  ) {
    this.late = new Map(deliveryConsumers.map(({ name }) => [name, 0]));
  }

  /** By consumer, since the first check of this process. */
  get counts(): ReadonlyMap<string, number> {
    return this.late;
  }

  /** Checks the entries whose time has ended since the last check. @throws StorageUnavailableError */
  async check(): Promise<void> {
    if (this.late.size === 0) return;
    const rows = await this.database.run(
      (db) => countLate(db, [...this.late.keys()], this.checkedUntil),
      'reads',
    );
    for (const { consumer, count, checked_until } of rows) {
      this.late.set(consumer, (this.late.get(consumer) ?? 0) + count);
      this.checkedUntil = checked_until;
    }
  }
}

interface LateRow {
  readonly consumer: string;
  readonly count: number;
  readonly checked_until: Date;
}

/** In whole milliseconds, as a Date has them, so that no entry is between two checks. Entries in the outbox are late for everybody. */
async function countLate(
  db: Kysely<Tables>,
  names: readonly string[],
  since: Date | null,
): Promise<LateRow[]> {
  const { rows } = await sql<LateRow>`
    with period as (
      select date_trunc('milliseconds', now()) - ${sql.lit(ON_TIME_SECONDS)} * interval '1 second' as until
    )
    select c.name as consumer, until as checked_until, (
      (select count(*) from deliveries d
        where d.consumer = c.name and d.status = 'pending' and d.accepted_at > ${since}::timestamptz and d.accepted_at <= until)
      + (select count(*) from ${OUTBOX} o where o.accepted_at > ${since}::timestamptz and o.accepted_at <= until)
    )::int as count
    from period, unnest(${names}::text[]) as c (name)`.execute(db);
  return rows;
}
