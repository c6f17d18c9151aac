import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { KiipCallbacksModule } from '../kiip-callbacks/kiip-callbacks.module.js';
import { DependencyReports } from './dependency-reports.js';
import { EventLoop } from './event-loop.js';
import { HealthController } from './health.controller.js';
import { Lifecycle } from './lifecycle.js';

/** Probes for Kubernetes, and the state of the dependencies for people. */
@Module({
  imports: [
    DeliveryModule,
    KiipCallbacksModule,
    TerminusModule.forRoot({ errorLogStyle: 'json', logger: false }),
  ],
  controllers: [HealthController],
  providers: [Lifecycle, EventLoop, DependencyReports],
  exports: [Lifecycle, EventLoop],
})
export class HealthModule {}
