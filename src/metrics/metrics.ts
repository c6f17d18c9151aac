import { Injectable } from '@nestjs/common';
import { Registry, collectDefaultMetrics } from 'prom-client';
import { MetricsRegistry } from './instruments.js';

/** Memory, processor, garbage collection, how late the event loop is: once for a process, however many applications are in it. */
const processRegistry = new Registry();
collectDefaultMetrics({ register: processRegistry });

/** What this process shows to Prometheus. */
@Injectable()
export class MetricsService {
  static readonly CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

  private pendingRender: Promise<string> | undefined;

  constructor(private readonly instruments: MetricsRegistry) {}

  /** In Prometheus' text format. Who asks while it is being written gets the same: anybody may ask, and it takes a while. */
  text(): Promise<string> {
    this.pendingRender ??= this.render().finally(() => (this.pendingRender = undefined));
    return this.pendingRender;
  }

  private async render(): Promise<string> {
    const texts = await Promise.all([this.instruments.registry.metrics(), processRegistry.metrics()]);
    return texts.join('');
  }
}
