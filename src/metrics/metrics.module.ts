import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { Metrics } from './metrics.js';
import { MetricsController } from './metrics.controller.js';

/** Figures for Prometheus. */
@Module({ imports: [DeliveryModule], controllers: [MetricsController], providers: [Metrics] })
export class MetricsModule {}
