import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { Config } from '../config/config.js';
import { Database } from '../database/database.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { PromisedRewardsModule } from '../promised-rewards/promised-rewards.module.js';
import { UserReferencesModule } from '../user-references/user-references.module.js';
import { CallbackCounters } from './callback-counters.js';
import { CallbackIntakeService } from './callback-intake.service.js';
import { CallbackSpool } from './callback-spool.js';
import { CallbacksHealthIndicator } from './callbacks.health-indicator.js';
import { CallbackPolicyService } from './callback-policy.service.js';
import { KiipCallbacksController } from './kiip-callbacks.controller.js';
import { KiipCallbacksService } from './kiip-callbacks.service.js';
import { ReadingsService } from './readings.service.js';
import { ReevaluationService } from './reevaluation.service.js';
import { RejectedCallbacksService } from './rejected-callbacks.service.js';

/** Twice: at most 320 MiB, since a body has at most 16 KiB. */
const MAX_REJECTED = 10_000;

/** Receives the callbacks of Kiip: verifies the signature, applies the policy, and records them in the ledger. */
@Module({
  imports: [LedgerModule, PromisedRewardsModule, TerminusModule, UserReferencesModule],
  controllers: [KiipCallbacksController],
  providers: [
    CallbackCounters,
    CallbackIntakeService,
    CallbacksHealthIndicator,
    KiipCallbacksService,
    CallbackPolicyService,
    ReadingsService,
    ReevaluationService,
    {
      provide: CallbackSpool,
      inject: [Config],
      useFactory: ({ spoolDir }: Config) =>
        spoolDir === undefined ? undefined : new CallbackSpool(spoolDir),
    },
    {
      provide: RejectedCallbacksService,
      inject: [Database, Config],
      useFactory: (database: Database, { retentionRejectedCallbacksDays }: Config) =>
        new RejectedCallbacksService(database, {
          maxCount: MAX_REJECTED,
          maxAgeSeconds: retentionRejectedCallbacksDays * 86_400,
        }),
    },
  ],
  exports: [
    CallbackCounters,
    CallbackIntakeService,
    CallbackSpool,
    CallbacksHealthIndicator,
    KiipCallbacksService,
    ReadingsService,
    ReevaluationService,
    RejectedCallbacksService,
  ],
})
export class KiipCallbacksModule {}
