import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { BackgroundRefresh } from '../async/background-refresh.js';
import { Config } from '../config/config.js';
import { Database } from '../database/database.js';
import type { Tables } from '../database/tables.js';
import { MetricsRegistry } from './metrics-registry.js';

/** Sizes change slowly. */
const INTERVAL_MS = 600_000;

const TABLES = Object.keys({
  audit_log: true,
  deliveries: true,
  delivery_attempts: true,
  delivery_outbox: true,
  delivery_pauses: true,
  delivery_replays: true,
  idempotency_keys: true,
  kiip_promised_rewards: true,
  kiip_rewarded_moments: true,
  kiip_user_references: true,
  ledger: true,
  ledger_balances: true,
  ledger_feed_batches: true,
  rejected_callbacks: true,
} satisfies Record<keyof Tables, true>);

/** How much of the disk each table takes. API pods, of which there may be many, do not ask. */
@Injectable()
export class TableMetrics {
  constructor(registry: MetricsRegistry, { role }: Config, database: Database) {
    // The database logs and counts a failure; the last sizes stay.
    const sizes = new BackgroundRefresh(
      () => readSizes(database),
      () => undefined,
      { minIntervalMs: INTERVAL_MS },
    );
    registry.gauge({
      name: 'database_table_bytes',
      help: 'Size of each table with its indexes, refreshed every 10 minutes; absent with ROLE=api',
      labels: ['table'],
      collect: async () => {
        if (role === 'api' || !database.migrated) return [];
        return ((await sizes.read())?.value ?? []).map(
          ({ table, bytes }) => [{ table }, Number(bytes)] as const,
        );
      },
    });
  }
}

/** Looks at the lengths of files, not at rows. */
function readSizes(database: Database): Promise<{ table: string; bytes: string }[]> {
  return database.run(async (db) => {
    const { rows } = await sql<{ table: string; bytes: string }>`
      select name as table, pg_total_relation_size(to_regclass(name)) as bytes
      from unnest(${TABLES}::text[]) as name`.execute(db);
    return rows;
  }, 'workers');
}
