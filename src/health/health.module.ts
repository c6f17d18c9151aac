import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { KiipCallbacksModule } from '../kiip-callbacks/kiip-callbacks.module.js';
import { DependencyReports } from './dependency-reports.js';
import { EventLoopMonitor } from './event-loop.js';
import { HealthController } from './health.controller.js';
import { LifecycleService } from './lifecycle.js';

/** Probes for Kubernetes, and the state of the dependencies for people. */
@Module({
  imports: [
    DeliveryModule,
    KiipCallbacksModule,
    TerminusModule.forRoot({ errorLogStyle: 'json', logger: false }),
  ],
  controllers: [HealthController],
  providers: [LifecycleService, EventLoopMonitor, DependencyReports],
  exports: [LifecycleService, EventLoopMonitor],
})
export class HealthModule {}
