import { Injectable } from '@nestjs/common';
import { DeliveryWorker } from '../delivery/delivery-worker.js';
import { BREAKER_LEVELS } from './breaker-levels.js';
import { MetricsRegistry } from './instruments.js';

const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How this process gets on with each consumer. */
@Injectable()
export class DeliveryMetrics {
  constructor(instruments: MetricsRegistry, worker: DeliveryWorker) {
    const attempts = instruments.histogram({
      name: 'delivery_attempt_duration_seconds',
      help: 'Attempts to deliver, by what became of them',
      labels: ['consumer', 'outcome'],
      buckets: BUCKETS,
    });
    worker.onAttempt(({ consumer, status, durationMs }) =>
      attempts.labels(consumer, toOutcome(status)).observe(durationMs / 1000),
    );
    instruments.gauge({
      name: 'delivery_circuit_breaker_state',
      help: 'The breaker of this process for a consumer: 0 closed, 1 half-open, 2 open',
      labels: ['consumer'],
      collect: () =>
        worker.consumers.map(
          ({ consumer: { name }, throttle: lane }) =>
            [{ consumer: name }, BREAKER_LEVELS[lane.state]] as const,
        ),
    });
  }
}

function toOutcome(status: number | undefined): string {
  if (status === undefined) return 'no-answer';
  return status === 410 ? 'gone' : `${Math.floor(status / 100)}xx`;
}
