import { Injectable } from '@nestjs/common';
import { DeliveryWorker } from '../delivery/delivery-worker.js';
import { BREAKER_LEVELS, MetricsRegistry } from './metrics-registry.js';

const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Delivery attempts of this process, and its circuit breaker for each consumer. */
@Injectable()
export class DeliveryMetrics {
  constructor(registry: MetricsRegistry, worker: DeliveryWorker) {
    const attempts = registry.histogram({
      name: 'delivery_attempt_duration_seconds',
      help: 'Delivery attempts by outcome',
      labels: ['consumer', 'outcome'],
      buckets: BUCKETS,
    });
    worker.onAttempt(({ consumer, status, durationMs }) =>
      attempts.labels(consumer, toOutcome(status)).observe(durationMs / 1000),
    );
    registry.gauge({
      name: 'delivery_circuit_breaker_state',
      help: 'Circuit breaker of this process for each consumer: 0 closed, 1 half-open, 2 open',
      labels: ['consumer'],
      collect: () =>
        worker.consumers.map(
          ({ consumer: { name }, throttle }) => [{ consumer: name }, BREAKER_LEVELS[throttle.state]] as const,
        ),
    });
  }
}

function toOutcome(status: number | undefined): string {
  if (status === undefined) return 'no_response';
  return status === 410 ? 'gone' : `${Math.floor(status / 100)}xx`;
}
