import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Database } from '../database/database.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import { LedgerStatsService } from '../reconciliation/ledger-stats.service.js';
import type { LedgerStats } from '../reconciliation/ledger-stats.service.js';
import { summarizeError } from '../log/error-summary.js';
import { BackgroundRefresh } from '../async/background-refresh.js';
import type { Snapshot } from '../async/background-refresh.js';
import { MetricsRegistry } from './metrics-registry.js';
import type { Samples } from './metrics-registry.js';

const RECENT_MS = 60_000;

interface DatabaseSnapshot {
  readonly databaseUp: boolean;
  readonly stats: Snapshot<LedgerStats> | undefined;
}

/**
 * The ledger and the delivery queues, counted in the database: every worker exports the same numbers, and API pods none. A day may have a million
 * entries, so they are counted in the background and exported with their age. While the database is unavailable they are absent.
 */
@Injectable()
export class LedgerMetrics {
  private readonly logger = new Logger('Metrics');
  private readonly stats: BackgroundRefresh<LedgerStats>;
  private pendingSnapshot: Promise<DatabaseSnapshot> | undefined;

  constructor(
    registry: MetricsRegistry,
    ledgerStats: LedgerStatsService,
    private readonly database: Database,
    private readonly config: Config,
  ) {
    this.stats = new BackgroundRefresh(
      () => ledgerStats.collect(),
      (error) => this.report(error),
    );
    registry.gauge({
      name: 'ledger_entries_24h',
      help: 'Ledger entries of the last 24 hours by state; each entry has one state',
      labels: ['state'],
      collect: this.samples(({ totals }) =>
        Object.entries(totals)
          .filter(([state]) => state !== 'missing')
          .map(([state, count]) => [{ state }, count] as const),
      ),
    });
    registry.gauge({
      name: 'ledger_missing_24h',
      help: 'Ledger entries of the last 24 hours that are neither delivered nor waiting',
      collect: this.samples(({ totals }) => [[{}, totals.missing]]),
    });
    registry.gauge({
      name: 'ledger_quarantined_entries',
      help: 'Quarantined ledger entries of any age',
      collect: this.samples(({ quarantined }) => [[{}, quarantined]]),
    });
    registry.gauge({
      name: 'ledger_stats_age_seconds',
      help: 'Age of the exported ledger and delivery numbers',
      collect: async () => {
        const { stats } = await this.snapshot();
        return stats ? [[{}, stats.ageMs / 1000]] : [];
      },
    });
    this.registerDeliveryMetrics(registry);
    registry.counter({
      name: 'database_unexpected_errors_total',
      help: 'Statements that failed although the database was available',
      collect: () => [[{}, database.unexpectedErrors]],
    });
    registry.gauge({
      name: 'database_up',
      help: '1 while the database responds, else 0',
      collect: async () => [[{}, (await this.snapshot()).databaseUp ? 1 : 0]],
    });
  }

  /** Has the deliveries counted in the background, unless they have just been. For who looks, an API pod counts as well. */
  refresh(): void {
    void this.stats.read();
  }

  /** Pending deliveries, if they have been counted in the last minute: that is done for a scrape, and for who reads the history. */
  recentBacklog(): number | undefined {
    const stats = this.stats.peek();
    if (!stats || stats.ageMs > RECENT_MS) return undefined;
    const pending = stats.value.deliveries.filter(({ status }) => status === 'pending');
    return pending.reduce((sum, { count }) => sum + count, stats.value.outbox);
  }

  /** Configured consumers only: deliveries to removed ones need no action. */
  private registerDeliveryMetrics(registry: MetricsRegistry): void {
    const consumers = (this.config.deliveryConsumers ?? []).map(({ name }) => name);
    registry.gauge({
      name: 'delivery_outbox_entries',
      help: 'Accepted ledger entries without deliveries yet; 0 without consumers',
      collect: this.samples(({ outbox }) => [[{}, outbox]]),
    });
    registry.gauge({
      name: 'delivery_outbox_oldest_age_seconds',
      help: 'Age of the oldest accepted ledger entry without deliveries; 0 if there is none, or no consumer',
      collect: this.samples(({ outboxOldestSeconds }) => [[{}, outboxOldestSeconds]]),
    });
    registry.gauge({
      name: 'delivery_queue_entries',
      help: 'Pending and dead deliveries to configured consumers',
      labels: ['consumer', 'status'],
      collect: this.samples(({ deliveries }) =>
        consumers.flatMap((consumer) =>
          ['pending', 'dead'].map((status) => {
            const found = deliveries.find((each) => each.consumer === consumer && each.status === status);
            return [{ consumer, status }, found?.count ?? 0] as const;
          }),
        ),
      ),
    });
    registry.gauge({
      name: 'delivery_oldest_pending_age_seconds',
      help: 'Age of the oldest ledger entry with a pending delivery',
      collect: this.samples(({ oldestPendingSeconds }) => [[{}, oldestPendingSeconds]]),
    });
    registry.gauge({
      name: 'delivery_consumer_paused',
      help: '1 for each consumer that is paused, after a 410 response or by a caller, else 0',
      labels: ['consumer'],
      collect: this.samples(({ consumers }) =>
        consumers.map(({ name, isPaused }) => [{ consumer: name }, isPaused ? 1 : 0] as const),
      ),
    });
  }

  private samples(toSamples: (stats: LedgerStats) => Samples): () => Promise<Samples> {
    return async () => {
      const { stats } = await this.snapshot();
      return stats ? toSamples(stats.value) : [];
    };
  }

  /** Shared by all metrics of one scrape. */
  private snapshot(): Promise<DatabaseSnapshot> {
    this.pendingSnapshot ??= this.collect().finally(() => (this.pendingSnapshot = undefined));
    return this.pendingSnapshot;
  }

  /** Pings, because the recorded state of the database is that of the last statement, which may only have been too slow. */
  private async collect(): Promise<DatabaseSnapshot> {
    try {
      await this.database.ping();
    } catch {
      this.stats.invalidate();
      return { databaseUp: false, stats: undefined };
    }
    // Each process would count the same: workers do, of which there are few.
    const counts = this.config.role !== 'api';
    return { databaseUp: true, stats: counts ? await this.stats.read() : undefined };
  }

  /** `database_up` reports an unavailable database. The log reports a failed query, and `ledger_stats_age_seconds` rises. */
  private report(error: unknown): void {
    if (error instanceof StorageUnavailableError) return;
    this.logger.error({ msg: 'ledger stats query failed', ...summarizeError(error) });
  }
}
