import { Injectable } from '@nestjs/common';
import { DeliveryWorker } from '../delivery/delivery-worker.js';
import { LateDeliveriesService } from '../delivery/late-deliveries.service.js';
import { BREAKER_LEVELS, MetricsRegistry } from './metrics-registry.js';

const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** 30 s is the objective. */
const LATENCY_BUCKETS = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 3_600, 43_200, 259_200];

/** Delivery attempts of this process, and its circuit breaker for each consumer. */
@Injectable()
export class DeliveryMetrics {
  constructor(registry: MetricsRegistry, worker: DeliveryWorker, late: LateDeliveriesService) {
    const attempts = registry.histogram({
      name: 'delivery_attempt_duration_seconds',
      help: 'Delivery attempts by outcome',
      labels: ['consumer', 'outcome'],
      buckets: BUCKETS,
    });
    const latencies = registry.histogram({
      name: 'delivery_latency_seconds',
      help: 'Time from the acceptance or release of an entry to the 2xx of the consumer; without replays and manual retries',
      labels: ['consumer'],
      buckets: LATENCY_BUCKETS,
    });
    const ended = new Map(
      worker.consumers.map(({ consumer: { name } }) => [name, { delivered: 0, retried: 0, dead: 0 }]),
    );
    for (const consumer of ended.keys()) latencies.labels(consumer);
    worker.onAttempt(({ consumer, status, durationMs, next, latencyMs }) => {
      attempts.labels(consumer, toOutcome(status)).observe(durationMs / 1000);
      ended.get(consumer)![next] += 1;
      if (next === 'delivered' && latencyMs !== undefined)
        latencies.labels(consumer).observe(latencyMs / 1000);
    });
    registry.counter({
      name: 'deliveries_total',
      help: 'Attempts by what becomes of their delivery: delivered, retried (later), dead',
      labels: ['consumer', 'outcome'],
      collect: () =>
        [...ended].flatMap(([consumer, outcomes]) =>
          Object.entries(outcomes).map(([outcome, count]) => [{ consumer, outcome }, count] as const),
        ),
    });
    registry.counter({
      name: 'deliveries_late_total',
      help: 'Deliveries still pending 30 s after their entry was accepted, each counted once; every worker counts all of them, and API pods none',
      labels: ['consumer'],
      collect: () => [...late.counts].map(([consumer, count]) => [{ consumer }, count] as const),
    });
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
