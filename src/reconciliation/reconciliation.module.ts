import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { KiipCallbacksModule } from '../kiip-callbacks/kiip-callbacks.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { IssuanceHistoryController } from './issuance-history.controller.js';
import { LedgerStatsService } from './ledger-stats.service.js';
import { ReconciliationController } from './reconciliation.controller.js';
import { ReconciliationService } from './reconciliation.service.js';
import { UserRewardsController } from './user-rewards.controller.js';

/** Compares the rewards that Kiip gave, the entries of the ledger and the deliveries to consumers. */
@Module({
  imports: [AuditModule, DeliveryModule, KiipCallbacksModule, LedgerModule],
  controllers: [IssuanceHistoryController, ReconciliationController, UserRewardsController],
  providers: [LedgerStatsService, ReconciliationService],
  exports: [LedgerStatsService],
})
export class ReconciliationModule {}
