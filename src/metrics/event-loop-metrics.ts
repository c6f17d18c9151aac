import { Injectable } from '@nestjs/common';
import { EventLoopMonitor } from '../health/event-loop-monitor.js';
import { MetricsRegistry } from './instruments.js';

/** What `nodejs_eventloop_lag_*` cannot tell to more than one reader. */
@Injectable()
export class EventLoopMetrics {
  constructor(instruments: MetricsRegistry, eventLoop: EventLoopMonitor) {
    instruments.counter({
      name: 'event_loop_stalls_total',
      help: 'How often this process stood still for 5 s or longer',
      collect: () => [[{}, eventLoop.stallCount]],
    });
  }
}
