import { Module } from '@nestjs/common';
import { IssuancesController } from './issuances.controller.js';
import { LedgerService } from './ledger.service.js';

/**
 * Owns the table `ledger`: every correctly signed callback once, its status, and the feed of what was accepted.
 * Its queries join `kiip_user_references`, so that a release credits a user whose reference became known later.
 */
@Module({
  controllers: [IssuancesController],
  providers: [LedgerService],
  exports: [LedgerService],
})
export class LedgerModule {}
