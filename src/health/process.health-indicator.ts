import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { EventLoopMonitor } from './event-loop-monitor.js';
import { LifecycleService } from './lifecycle.service.js';

@Injectable()
export class ProcessHealthIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly lifecycle: LifecycleService,
    private readonly eventLoop: EventLoopMonitor,
  ) {}

  /** Down from the moment that the process shuts down. */
  check() {
    const indicator = this.indicators.check('process');
    return this.lifecycle.isDraining ? indicator.down({ state: 'draining' }) : indicator.up();
  }

  /** Down for a while after the event loop was blocked. */
  checkEventLoop() {
    const indicator = this.indicators.check('event_loop');
    return this.eventLoop.recentlyBlocked ? indicator.down() : indicator.up();
  }
}
