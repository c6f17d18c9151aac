import { Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Database } from '../database/database.js';
import { KiipModule } from '../kiip/kiip.module.js';
import { Deliveries } from './deliveries.js';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveryFigures } from './delivery-figures.js';
import { subscriberOf } from './delivery-statements.js';
import { DeliveryWorker } from './delivery-worker.js';
import { IssuanceHistoryController } from './issuance-history.controller.js';
import { Reconciliation } from './reconciliation.js';
import { Replays } from './replays.js';

/** What is plain code on the database, and knows nothing of Nest. */
const stores = [Deliveries, Reconciliation, Replays].map((Store) => ({
  provide: Store,
  inject: [Database],
  useFactory: (database: Database) => new Store(database),
}));

/** From the ledger onward: every accepted row reaches every consumer, and operators can see it, replay it and balance the books. */
@Module({
  imports: [KiipModule],
  controllers: [DeliveriesController, IssuanceHistoryController],
  providers: [
    ...stores,
    DeliveryWorker,
    {
      provide: DeliveryFigures,
      inject: [Database, Reconciliation, Config],
      useFactory: (database: Database, reconciliation: Reconciliation, { deliveryConsumers = [] }: Config) =>
        new DeliveryFigures(database, reconciliation, deliveryConsumers.map(subscriberOf)),
    },
  ],
  exports: [DeliveryWorker, DeliveryFigures],
})
export class DeliveryModule {}
