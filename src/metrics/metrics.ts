import { Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { StorageUnavailable } from '../database/storage-error.js';
import { DeliveryFigures } from '../delivery/delivery-figures.js';
import type { Figures } from '../delivery/delivery-figures.js';

/** What this process shows to Prometheus. What only the database knows is asked for at each collection. */
@Injectable()
export class Metrics {
  static readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  private readonly registry = new Registry();

  private readonly ledgerRows = this.gauge(
    'ledger_rows',
    'Ledger rows of the last 24 hours, each counted once',
    ['state'],
  );
  private readonly unaccounted = this.gauge(
    'ledger_unaccounted',
    'Ledger rows of the last 24 hours that are lost: neither delivered nor waiting',
  );
  private readonly outbox = this.gauge(
    'delivery_outbox',
    'Accepted rows that have not become deliveries yet',
  );
  private readonly deliveries = this.gauge('deliveries', 'Deliveries that are not done', [
    'consumer',
    'status',
  ]);
  private readonly oldest = this.gauge(
    'delivery_oldest_seconds',
    'How long the oldest row has waited that is not with every consumer',
  );
  private readonly paused = this.gauge('delivery_paused', 'Consumers that answered 410', ['consumer']);

  constructor(private readonly figures: DeliveryFigures) {}

  /** In Prometheus' text format. While the database is away, what only it knows is missing, and not as it was. */
  async text(): Promise<string> {
    for (const gauge of [this.ledgerRows, this.deliveries, this.paused]) gauge.reset();
    for (const gauge of [this.unaccounted, this.outbox, this.oldest]) gauge.remove();
    try {
      this.show(await this.figures.read());
    } catch (error) {
      if (!(error instanceof StorageUnavailable)) throw error;
    }
    return this.registry.metrics();
  }

  private show({ books, outbox, deliveries, oldestSeconds, paused }: Figures): void {
    const { unaccounted, ...states } = books;
    for (const [state, count] of Object.entries(states)) this.ledgerRows.set({ state }, count);
    this.unaccounted.set(unaccounted);
    this.outbox.set(outbox);
    for (const { consumer, status, count } of deliveries) this.deliveries.set({ consumer, status }, count);
    this.oldest.set(oldestSeconds);
    for (const consumer of paused) this.paused.set({ consumer }, 1);
  }

  private gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name: `rewards_gateway_${name}`, help, labelNames, registers: [this.registry] });
  }
}
