import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { LedgerModule } from '../ledger/ledger.module.js';
import { ConsumersHealthIndicator } from './consumers.health-indicator.js';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveriesService } from './deliveries.service.js';
import { DeliveryWorker } from './delivery-worker.js';
import { ReplaysService } from './replays.service.js';

/**
 * Sends every accepted ledger entry to every consumer, and lets operators list, retry and replay deliveries. DeliveriesService is for
 * reports on stored deliveries; DeliveryWorker is for the metrics, health checks and shutdown of this process.
 */
@Module({
  imports: [LedgerModule, TerminusModule],
  controllers: [DeliveriesController],
  providers: [ConsumersHealthIndicator, DeliveriesService, DeliveryWorker, ReplaysService],
  exports: [ConsumersHealthIndicator, DeliveriesService, DeliveryWorker],
})
export class DeliveryModule {}
