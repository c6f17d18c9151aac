import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { LedgerModule } from '../ledger/ledger.module.js';
import { ConsumersController } from './consumers.controller.js';
import { ConsumersHealthIndicator } from './consumers.health-indicator.js';
import { ConsumersService } from './consumers.service.js';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveriesService } from './deliveries.service.js';
import { DeliveryWorker } from './delivery-worker.js';
import { LateDeliveriesService } from './late-deliveries.service.js';
import { ReplaysController } from './replays.controller.js';
import { ReplaysService } from './replays.service.js';

/**
 * Sends every accepted ledger entry to every consumer, and lets operators list, retry and replay deliveries, and pause and test consumers.
 * DeliveriesService is for reports on stored deliveries; DeliveryWorker and LateDeliveriesService are for the metrics, health checks and
 * shutdown of this process.
 */
@Module({
  imports: [LedgerModule, TerminusModule],
  controllers: [ConsumersController, DeliveriesController, ReplaysController],
  providers: [
    ConsumersHealthIndicator,
    ConsumersService,
    DeliveriesService,
    DeliveryWorker,
    LateDeliveriesService,
    ReplaysService,
  ],
  exports: [ConsumersHealthIndicator, DeliveriesService, DeliveryWorker, LateDeliveriesService],
})
export class DeliveryModule {}
