import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { Database } from '../database/database.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { UserReferencesModule } from '../user-references/user-references.module.js';
import { CallbackCounters } from './callback-counters.js';
import { CallbacksHealthIndicator } from './callbacks.health-indicator.js';
import { CallbackPolicyService } from './callback-policy.service.js';
import { KiipCallbacksController } from './kiip-callbacks.controller.js';
import { KiipCallbacksService } from './kiip-callbacks.service.js';
import { RejectedCallbacksService, DEFAULT_RETENTION } from './rejected-callbacks.service.js';

/** Receives Kiip's callbacks: the signature, the policy, and then the ledger. */
@Module({
  imports: [LedgerModule, TerminusModule, UserReferencesModule],
  controllers: [KiipCallbacksController],
  providers: [
    CallbackCounters,
    CallbacksHealthIndicator,
    KiipCallbacksService,
    CallbackPolicyService,
    {
      provide: RejectedCallbacksService,
      inject: [Database],
      useFactory: (database: Database) => new RejectedCallbacksService(database, DEFAULT_RETENTION),
    },
  ],
  exports: [CallbackCounters, CallbacksHealthIndicator],
})
export class KiipCallbacksModule {}
