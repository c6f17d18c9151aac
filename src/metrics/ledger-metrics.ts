import { Injectable, Logger } from '@nestjs/common';
import { Database } from '../database/database.js';
import { StorageUnavailable } from '../database/storage-error.js';
import { DeliveryFigures } from '../reconciliation/ledger-stats.service.js';
import type { Figures } from '../reconciliation/ledger-stats.service.js';
import { factsOf } from '../log/error-facts.js';
import { InBackground } from '../async/background-refresh.js';
import type { Known } from '../async/background-refresh.js';
import { Instruments } from './instruments.js';
import type { Samples } from './instruments.js';

interface Look {
  readonly databaseUp: boolean;
  readonly figures: Known<Figures> | undefined;
}

/**
 * The books and the queues, as the database has them: every replica shows the same. They are counted in the background, for a day
 * may have a million rows, and show their age. While the database is away, they are missing, and not as they were.
 */
@Injectable()
export class LedgerMetrics {
  private readonly logger = new Logger('Metrics');
  private readonly figures: InBackground<Figures>;
  private looking: Promise<Look> | undefined;

  constructor(
    instruments: Instruments,
    figures: DeliveryFigures,
    private readonly database: Database,
  ) {
    this.figures = new InBackground(
      () => figures.count(),
      (error) => this.report(error),
    );
    instruments.gauge({
      name: 'ledger_rows',
      help: 'Ledger rows of the last 24 hours, each counted once',
      labels: ['state'],
      read: this.of(({ books }) =>
        Object.entries(books)
          .filter(([state]) => state !== 'unaccounted')
          .map(([state, count]) => [{ state }, count] as const),
      ),
    });
    instruments.gauge({
      name: 'ledger_unaccounted',
      help: 'Ledger rows of the last 24 hours that are lost: neither delivered nor waiting',
      read: this.of(({ books }) => [[{}, books.unaccounted]]),
    });
    instruments.gauge({
      name: 'ledger_quarantined',
      help: 'All ledger rows that wait for a decision, of whatever age',
      read: this.of(({ quarantined }) => [[{}, quarantined]]),
    });
    instruments.gauge({
      name: 'ledger_figures_age_seconds',
      help: 'How long ago the database was asked for what is shown of ledger and deliveries',
      read: async () => {
        const { figures } = await this.look();
        return figures ? [[{}, figures.ageMs / 1000]] : [];
      },
    });
    this.showDeliveries(instruments);
    instruments.gauge({
      name: 'database_up',
      help: 'Whether the database gives a sign of life',
      read: async () => [[{}, (await this.look()).databaseUp ? 1 : 0]],
    });
  }

  /** Of configured consumers alone: nobody could do anything for others. */
  private showDeliveries(instruments: Instruments): void {
    instruments.gauge({
      name: 'delivery_outbox',
      help: 'Accepted rows that have not become deliveries yet; 0 where no consumer is configured',
      read: this.of(({ outbox }) => [[{}, outbox]]),
    });
    instruments.gauge({
      name: 'delivery_outbox_oldest_seconds',
      help: 'How long the oldest row has waited that has not become deliveries; 0 where none does, or no consumer is configured',
      read: this.of(({ outboxOldestSeconds }) => [[{}, outboxOldestSeconds]]),
    });
    instruments.gauge({
      name: 'deliveries',
      help: 'Deliveries to configured consumers that are not done',
      labels: ['consumer', 'status'],
      read: this.of(({ deliveries }) =>
        deliveries.map(({ consumer, status, count }) => [{ consumer, status }, count] as const),
      ),
    });
    instruments.gauge({
      name: 'delivery_oldest_seconds',
      help: 'How long the oldest row has waited that is not with every consumer',
      read: this.of(({ oldestSeconds }) => [[{}, oldestSeconds]]),
    });
    instruments.gauge({
      name: 'delivery_paused',
      help: 'Consumers that answered 410',
      labels: ['consumer'],
      read: this.of(({ paused }) => paused.map((consumer) => [{ consumer }, 1] as const)),
    });
  }

  private of(samples: (figures: Figures) => Samples): () => Promise<Samples> {
    return async () => {
      const { figures } = await this.look();
      return figures ? samples(figures.value) : [];
    };
  }

  /** Once for all metrics of a page. */
  private look(): Promise<Look> {
    this.looking ??= this.lookNow().finally(() => (this.looking = undefined));
    return this.looking;
  }

  /** Asked by itself: the state that the database bears is that of the last statement, which may have been too slow a one. */
  private async lookNow(): Promise<Look> {
    try {
      await this.database.ping();
    } catch {
      this.figures.forget();
      return { databaseUp: false, figures: undefined };
    }
    return { databaseUp: true, figures: await this.figures.read() };
  }

  /** A database that is away is told of by `database_up`; one that is too slow, by the age. */
  private report(error: unknown): void {
    if (error instanceof StorageUnavailable) return;
    this.logger.error({ msg: 'the figures of the ledger cannot be counted', ...factsOf(error) });
  }
}
