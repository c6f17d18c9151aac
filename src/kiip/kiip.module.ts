import { Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { KiipCallbacksModule } from '../kiip-callbacks/kiip-callbacks.module.js';
import { ReevaluationWorker } from '../kiip-callbacks/reevaluation-worker.js';
import { SpoolWorker } from '../kiip-callbacks/spool-worker.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { PromisedRewardsModule } from '../promised-rewards/promised-rewards.module.js';
import { BreakerRegistry } from '../upstream/breaker-registry.js';
import { RetryInterceptor } from '../upstream/retry.interceptor.js';
import { UserReferencesModule } from '../user-references/user-references.module.js';
import { KiipCallsController } from './kiip-calls.controller.js';
import { KiipClient, KiipHttp } from './kiip-client.js';

/** Sessions and moments, which go to Kiip. Callbacks from Kiip and the ledger have their own modules. */
@Module({
  imports: [
    IdempotencyModule,
    KiipCallbacksModule,
    LedgerModule,
    PromisedRewardsModule,
    UserReferencesModule,
  ],
  controllers: [KiipCallsController],
  providers: [
    KiipClient,
    // Here, and not with the callbacks, since commands only use these.
    ReevaluationWorker,
    SpoolWorker,
    {
      provide: KiipHttp,
      inject: [Config, BreakerRegistry, RetryInterceptor],
      useFactory: (config: Config, breakers: BreakerRegistry, retry: RetryInterceptor) =>
        new KiipHttp({
          breakers,
          upstream: 'kiip',
          baseUrl: config.kiipBaseUrl,
          proxy: config,
          timeoutMs: config.kiipTimeoutMs,
          deadlineMs: config.upstreamDeadlineMs,
          operations: ['session', 'moment'],
          concurrency: 64,
          queue: 1_000,
          interceptors: [retry],
        }),
    },
  ],
})
export class KiipModule {}
