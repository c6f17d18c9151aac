import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { CallerAuthModule } from '../caller-auth/caller-auth.module.js';
import { ConnectionsModule } from '../connections/connections.module.js';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { HealthModule } from '../health/health.module.js';
import { KigoAuthModule } from '../kigo-auth/kigo-auth.module.js';
import { KiipCallbacksModule } from '../kiip-callbacks/kiip-callbacks.module.js';
import { PromisedRewardsModule } from '../promised-rewards/promised-rewards.module.js';
import { ReconciliationModule } from '../reconciliation/reconciliation.module.js';
import { AnswerMetrics } from './answer-metrics.js';
import { CacheMetrics } from './cache-metrics.js';
import { CallbackMetrics } from './callback-metrics.js';
import { CallerMetrics } from './caller-metrics.js';
import { ConfigMetrics } from './config-metrics.js';
import { ConnectionMetrics } from './connection-metrics.js';
import { DatabasePoolMetrics } from './database-pool-metrics.js';
import { DeliveryMetrics } from './delivery-metrics.js';
import { EventLoopMetrics } from './event-loop-metrics.js';
import { MetricsHistoryService } from './metrics-history.service.js';
import { MetricsRegistry } from './metrics-registry.js';
import { LedgerMetrics } from './ledger-metrics.js';
import { MetricsService } from './metrics.service.js';
import { MetricsController } from './metrics.controller.js';
import { RequestMetrics } from './request-metrics.js';
import { TableMetrics } from './table-metrics.js';
import { UpstreamMetrics } from './upstream-metrics.js';

/** Metrics for Prometheus. Features do not depend on this module: it reads their counters or subscribes to their events. */
@Module({
  imports: [
    AccountsModule,
    CallerAuthModule,
    ConnectionsModule,
    DeliveryModule,
    HealthModule,
    KigoAuthModule,
    KiipCallbacksModule,
    PromisedRewardsModule,
    ReconciliationModule,
  ],
  controllers: [MetricsController],
  providers: [
    MetricsRegistry,
    MetricsService,
    MetricsHistoryService,
    ConfigMetrics,
    RequestMetrics,
    ConnectionMetrics,
    EventLoopMetrics,
    CallerMetrics,
    UpstreamMetrics,
    AnswerMetrics,
    CacheMetrics,
    CallbackMetrics,
    LedgerMetrics,
    DeliveryMetrics,
    TableMetrics,
    DatabasePoolMetrics,
  ],
})
export class MetricsModule {}
