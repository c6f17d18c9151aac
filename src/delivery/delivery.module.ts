import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/ledger.module.js';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveriesService } from './deliveries.service.js';
import { DeliveryWorker } from './delivery-worker.js';
import { ReplaysService } from './replays.service.js';

/**
 * Sends every accepted ledger entry to every consumer, and lets operators list, retry and replay deliveries. DeliveriesService is for
 * reports on stored deliveries; DeliveryWorker is for the metrics, health checks and shutdown of this process.
 */
@Module({
  imports: [LedgerModule],
  controllers: [DeliveriesController],
  providers: [DeliveriesService, DeliveryWorker, ReplaysService],
  exports: [DeliveriesService, DeliveryWorker],
})
export class DeliveryModule {}
