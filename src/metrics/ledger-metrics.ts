import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import { StorageUnavailable } from '../database/storage-error.js';
import { DeliveryFigures } from '../delivery/delivery-figures.js';
import type { Figures } from '../delivery/delivery-figures.js';
import { Instruments } from './instruments.js';
import type { Samples } from './instruments.js';

/**
 * The books and the queues, as the database has them: every replica shows the same. While it is away, they are missing, and
 * not as they were.
 */
@Injectable()
export class LedgerMetrics {
  constructor(
    instruments: Instruments,
    private readonly figures: DeliveryFigures,
    database: Database,
  ) {
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
      name: 'delivery_outbox',
      help: 'Accepted rows that have not become deliveries yet',
      read: this.of(({ outbox }) => [[{}, outbox]]),
    });
    instruments.gauge({
      name: 'deliveries',
      help: 'Deliveries that are not done',
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
    instruments.gauge({
      name: 'database_up',
      help: 'Whether the database answered when it was last asked: at most 15 s and a query ago',
      read: async () => {
        await this.find();
        return [[{}, database.state().state === 'up' ? 1 : 0]];
      },
    });
  }

  private of(samples: (figures: Figures) => Samples): () => Promise<Samples> {
    return async () => {
      const figures = await this.find();
      return figures ? samples(figures) : [];
    };
  }

  private async find(): Promise<Figures | undefined> {
    try {
      return await this.figures.read();
    } catch (error) {
      if (!(error instanceof StorageUnavailable)) throw error;
      return undefined;
    }
  }
}
