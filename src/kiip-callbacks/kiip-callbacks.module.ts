import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { LedgerModule } from '../ledger/ledger.module.js';
import { PromisedRewardsModule } from '../promised-rewards/promised-rewards.module.js';
import { UserReferencesModule } from '../user-references/user-references.module.js';
import { CallbackCounters } from './callback-counters.js';
import { CallbacksHealthIndicator } from './callbacks.health-indicator.js';
import { CallbackPolicyService } from './callback-policy.service.js';
import { KiipCallbacksController } from './kiip-callbacks.controller.js';
import { KiipCallbacksService } from './kiip-callbacks.service.js';
import { ReevaluationService } from './reevaluation.service.js';
import { RejectedCallbacksService } from './rejected-callbacks.service.js';

/** Receives the callbacks of Kiip: verifies the signature, applies the policy, and records them in the ledger. */
@Module({
  imports: [LedgerModule, PromisedRewardsModule, TerminusModule, UserReferencesModule],
  controllers: [KiipCallbacksController],
  providers: [
    CallbackCounters,
    CallbacksHealthIndicator,
    KiipCallbacksService,
    CallbackPolicyService,
    ReevaluationService,
    RejectedCallbacksService,
  ],
  exports: [CallbackCounters, CallbacksHealthIndicator, ReevaluationService],
})
export class KiipCallbacksModule {}
