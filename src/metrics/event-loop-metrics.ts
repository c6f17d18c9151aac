import { Injectable } from '@nestjs/common';
import { EventLoopMonitor } from '../health/event-loop-monitor.js';
import { MetricsRegistry } from './metrics-registry.js';

/** Counts stalls: the maximum in `nodejs_eventloop_lag_*` resets at each scrape, so a second reader would miss them. */
@Injectable()
export class EventLoopMetrics {
  constructor(registry: MetricsRegistry, eventLoop: EventLoopMonitor) {
    registry.counter({
      name: 'event_loop_stalls_total',
      help: 'Times that the event loop was blocked for 5 s or longer',
      collect: () => [[{}, eventLoop.stallCount]],
    });
  }
}
