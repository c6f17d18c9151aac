import { Injectable, Logger } from '@nestjs/common';
import { Database } from '../database/database.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import { LedgerStatsService } from '../reconciliation/ledger-stats.service.js';
import type { LedgerStats } from '../reconciliation/ledger-stats.service.js';
import { summarizeError } from '../log/error-summary.js';
import { BackgroundRefresh } from '../async/background-refresh.js';
import type { Snapshot } from '../async/background-refresh.js';
import { MetricsRegistry } from './instruments.js';
import type { Samples } from './instruments.js';

interface DatabaseSnapshot {
  readonly databaseUp: boolean;
  readonly stats: Snapshot<LedgerStats> | undefined;
}

/**
 * The books and the queues, as the database has them: every replica shows the same. They are counted in the background, for a day
 * may have a million rows, and show their age. While the database is away, they are missing, and not as they were.
 */
@Injectable()
export class LedgerMetrics {
  private readonly logger = new Logger('Metrics');
  private readonly stats: BackgroundRefresh<LedgerStats>;
  private pendingSnapshot: Promise<DatabaseSnapshot> | undefined;

  constructor(
    instruments: MetricsRegistry,
    figures: LedgerStatsService,
    private readonly database: Database,
  ) {
    this.stats = new BackgroundRefresh(
      () => figures.collect(),
      (error) => this.report(error),
    );
    instruments.gauge({
      name: 'ledger_entries_24h',
      help: 'Ledger rows of the last 24 hours, each counted once',
      labels: ['state'],
      collect: this.samples(({ totals }) =>
        Object.entries(totals)
          .filter(([state]) => state !== 'missing')
          .map(([state, count]) => [{ state }, count] as const),
      ),
    });
    instruments.gauge({
      name: 'ledger_missing_24h',
      help: 'Ledger rows of the last 24 hours that are lost: neither delivered nor waiting',
      collect: this.samples(({ totals }) => [[{}, totals.missing]]),
    });
    instruments.gauge({
      name: 'ledger_quarantined_entries',
      help: 'All ledger rows that wait for a decision, of whatever age',
      collect: this.samples(({ quarantined }) => [[{}, quarantined]]),
    });
    instruments.gauge({
      name: 'ledger_stats_age_seconds',
      help: 'How long ago the database was asked for what is shown of ledger and deliveries',
      collect: async () => {
        const { stats: figures } = await this.snapshot();
        return figures ? [[{}, figures.ageMs / 1000]] : [];
      },
    });
    this.registerDeliveryMetrics(instruments);
    instruments.gauge({
      name: 'database_up',
      help: 'Whether the database gives a sign of life',
      collect: async () => [[{}, (await this.snapshot()).databaseUp ? 1 : 0]],
    });
  }

  /** Of configured consumers alone: nobody could do anything for others. */
  private registerDeliveryMetrics(instruments: MetricsRegistry): void {
    instruments.gauge({
      name: 'delivery_outbox_entries',
      help: 'Accepted rows that have not become deliveries yet; 0 where no consumer is configured',
      collect: this.samples(({ outbox }) => [[{}, outbox]]),
    });
    instruments.gauge({
      name: 'delivery_outbox_oldest_age_seconds',
      help: 'How long the oldest row has waited that has not become deliveries; 0 where none does, or no consumer is configured',
      collect: this.samples(({ outboxOldestSeconds }) => [[{}, outboxOldestSeconds]]),
    });
    instruments.gauge({
      name: 'delivery_queue_entries',
      help: 'Deliveries to configured consumers that are not done',
      labels: ['consumer', 'status'],
      collect: this.samples(({ deliveries }) =>
        deliveries.map(({ consumer, status, count }) => [{ consumer, status }, count] as const),
      ),
    });
    instruments.gauge({
      name: 'delivery_oldest_pending_age_seconds',
      help: 'How long the oldest row has waited that is not with every consumer',
      collect: this.samples(({ oldestPendingSeconds: oldestSeconds }) => [[{}, oldestSeconds]]),
    });
    instruments.gauge({
      name: 'delivery_consumer_paused',
      help: 'Consumers that answered 410',
      labels: ['consumer'],
      collect: this.samples(({ pausedConsumers: paused }) =>
        paused.map((consumer) => [{ consumer }, 1] as const),
      ),
    });
  }

  private samples(toSamples: (figures: LedgerStats) => Samples): () => Promise<Samples> {
    return async () => {
      const { stats: figures } = await this.snapshot();
      return figures ? toSamples(figures.value) : [];
    };
  }

  /** Once for all metrics of a page. */
  private snapshot(): Promise<DatabaseSnapshot> {
    this.pendingSnapshot ??= this.collect().finally(() => (this.pendingSnapshot = undefined));
    return this.pendingSnapshot;
  }

  /** Asked by itself: the state that the database bears is that of the last statement, which may have been too slow a one. */
  private async collect(): Promise<DatabaseSnapshot> {
    try {
      await this.database.ping();
    } catch {
      this.stats.invalidate();
      return { databaseUp: false, stats: undefined };
    }
    return { databaseUp: true, stats: await this.stats.read() };
  }

  /** A database that is away is told of by `database_up`; one that is too slow, by the age. */
  private report(error: unknown): void {
    if (error instanceof StorageUnavailableError) return;
    this.logger.error({ msg: 'ledger stats query failed', ...summarizeError(error) });
  }
}
