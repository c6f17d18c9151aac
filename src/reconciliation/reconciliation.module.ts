import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { IssuanceHistoryController } from './issuance-history.controller.js';
import { LedgerStatsService } from './ledger-stats.service.js';
import { ReconciliationService } from './reconciliation.service.js';

/** Compares what Kiip promised, what the ledger holds and what the consumers received. */
@Module({
  imports: [DeliveryModule, LedgerModule],
  controllers: [IssuanceHistoryController],
  providers: [ReconciliationService, LedgerStatsService],
  exports: [LedgerStatsService],
})
export class ReconciliationModule {}
