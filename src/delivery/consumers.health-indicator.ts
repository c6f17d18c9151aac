import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { DeliveryWorker } from './delivery-worker.js';

@Injectable()
export class ConsumersHealthIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly worker: DeliveryWorker,
  ) {}

  /** Down while the circuit breaker of a consumer is open in this process. A process that does not deliver lists no consumer. */
  check() {
    const { consumers } = this.worker;
    const details = Object.fromEntries(
      consumers.map(({ consumer: { name }, throttle }) => [
        name,
        { breaker: throttle.state, last_success_at: throttle.lastSuccessAt?.toISOString() ?? null },
      ]),
    );
    const indicator = this.indicators.check('consumers');
    const failing = consumers.some(({ throttle }) => throttle.state === 'open');
    return failing ? indicator.down(details) : indicator.up(details);
  }
}
