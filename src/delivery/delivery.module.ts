import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/ledger.module.js';
import { DeliveriesController } from './deliveries.controller.js';
import { Deliveries } from './deliveries.service.js';
import { DeliveryWorker } from './delivery-worker.js';
import { Replays } from './replays.service.js';

/** Sends every accepted ledger entry to every consumer, and lets operators list, retry and replay deliveries. */
@Module({
  imports: [LedgerModule],
  controllers: [DeliveriesController],
  providers: [Deliveries, DeliveryWorker, Replays],
  exports: [Deliveries, DeliveryWorker],
})
export class DeliveryModule {}
