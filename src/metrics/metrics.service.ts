import { Injectable } from '@nestjs/common';
import { Registry, collectDefaultMetrics } from 'prom-client';
import { MetricsRegistry } from './metrics-registry.js';

/** Memory, CPU, garbage collection and event-loop lag: registered once per process, which may hold several applications. */
const processRegistry = new Registry();
collectDefaultMetrics({ register: processRegistry });

/** Renders the metrics page. */
@Injectable()
export class MetricsService {
  static readonly CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

  private pendingRender: Promise<string> | undefined;

  constructor(private readonly metrics: MetricsRegistry) {}

  /** Concurrent calls share one rendering: the route is public, and rendering takes a while. */
  text(): Promise<string> {
    this.pendingRender ??= this.render().finally(() => (this.pendingRender = undefined));
    return this.pendingRender;
  }

  private async render(): Promise<string> {
    const texts = await Promise.all([this.metrics.registry.metrics(), processRegistry.metrics()]);
    return texts.join('');
  }
}
