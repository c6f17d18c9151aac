import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { KiipCallbacksModule } from '../kiip-callbacks/kiip-callbacks.module.js';
import { DependencyHealthIndicators } from './dependency-health-indicators.js';
import { EventLoopMonitor } from './event-loop-monitor.js';
import { HealthController } from './health.controller.js';
import { LifecycleService } from './lifecycle.service.js';
import { ProcessHealthIndicator } from './process.health-indicator.js';

/** Probes for Kubernetes, and the health of the dependencies for people and alerts. */
@Module({
  imports: [
    DeliveryModule,
    KiipCallbacksModule,
    TerminusModule.forRoot({ errorLogStyle: 'json', logger: false }),
  ],
  controllers: [HealthController],
  providers: [LifecycleService, EventLoopMonitor, ProcessHealthIndicator, DependencyHealthIndicators],
  exports: [LifecycleService, EventLoopMonitor],
})
export class HealthModule {}
