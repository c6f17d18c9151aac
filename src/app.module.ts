import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { AccountsModule } from './accounts/accounts.module.js';
import { AuditModule } from './audit/audit.module.js';
import { CacheModule } from './cache/cache.module.js';
import { RouteDeclarationGuard } from './caller-auth/route-declaration.guard.js';
import { CallerAuthModule } from './caller-auth/caller-auth.module.js';
import type { Config } from './config/config.js';
import { ConfigModule } from './config/config.module.js';
import { MigratedDatabaseModule } from './database/database.module.js';
import { DeliveryModule } from './delivery/delivery.module.js';
import { HealthModule } from './health/health.module.js';
import { HubSummaryModule } from './hub-summary/hub-summary.module.js';
import { UnknownParametersGuard } from './validation/unknown-parameters.guard.js';
import { RequestValidationPipe } from './validation/request-validation.pipe.js';
import { KigoAuthModule } from './kigo-auth/kigo-auth.module.js';
import { KiipModule } from './kiip/kiip.module.js';
import { ProblemFilter } from './problem/problem.filter.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { RateLimitGuard } from './rate-limit/rate-limit.guard.js';
import { RateLimitModule } from './rate-limit/rate-limit.module.js';
import { ReconciliationModule } from './reconciliation/reconciliation.module.js';
import { RetentionModule } from './retention/retention.module.js';
import { UpstreamModule } from './upstream/upstream.module.js';

@Module({})
export class AppModule {
  static async forRoot(config: Config): Promise<DynamicModule> {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        CallerAuthModule,
        RateLimitModule,
        UpstreamModule,
        await CacheModule.forRoot(config),
        MigratedDatabaseModule,
        KigoAuthModule,
        AccountsModule,
        HubSummaryModule,
        KiipModule,
        DeliveryModule,
        ReconciliationModule,
        AuditModule,
        RetentionModule,
        HealthModule,
        MetricsModule,
      ],
      providers: [
        // Guards run in this order, and after the hooks that authenticate: the rate limit knows the caller.
        { provide: APP_GUARD, useClass: RouteDeclarationGuard },
        { provide: APP_GUARD, useExisting: RateLimitGuard },
        { provide: APP_GUARD, useClass: UnknownParametersGuard },
        { provide: APP_PIPE, useClass: RequestValidationPipe },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}
