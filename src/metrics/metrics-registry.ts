import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Metric, MetricValueWithName } from 'prom-client';
import { Histogram } from './histogram.js';

/** Values from short, fixed lists: routes, operations, configured names. Never request data, which has no bound. */
export type Labels = Record<string, string>;
export type Samples = Iterable<readonly [Labels, number]>;

interface MetricOptions {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

interface CollectedOptions extends MetricOptions {
  /** Returns every sample of the metric at each scrape. A series that is left out disappears. */
  readonly collect: () => Samples | Promise<Samples>;
}

interface HistogramOptions extends MetricOptions {
  /** Their upper bounds, in ascending order. */
  readonly buckets: readonly number[];
}

/** Values of the circuit breaker gauges, so that an alert can compare with 0. */
export const BREAKER_LEVELS = { closed: 0, 'half-open': 1, open: 2 } as const;

const PREFIX = 'rewards_gateway_';

/** Creates the metrics with the prefix of this gateway. */
@Injectable()
export class MetricsRegistry {
  readonly registry = new Registry();

  gauge(options: CollectedOptions): void {
    const gauge: Gauge = new Gauge({ ...this.toOptions(options), collect: () => refresh(gauge, options) });
  }

  counter(options: CollectedOptions): void {
    const counter: Counter = new Counter({
      ...this.toOptions(options),
      collect: () => refresh(counter, options),
    });
  }

  histogram({ name, help, labels = [], buckets }: HistogramOptions): Histogram {
    const histogram = new Histogram(PREFIX + name, help, labels, buckets);
    this.registry.registerMetric(histogram as unknown as Metric);
    return histogram;
  }

  /** The samples of a metric now. @param part of a histogram */
  async samples(name: string, part?: 'count' | 'sum'): Promise<(readonly [Labels, number])[]> {
    const fullName = PREFIX + name;
    const { values } = await this.registry.getSingleMetric(fullName)!.get();
    const ofPart = (values as MetricValueWithName<string>[]).filter(
      ({ metricName }) => part === undefined || metricName === `${fullName}_${part}`,
    );
    return ofPart.map(({ labels, value }) => [labels as Labels, value]);
  }

  private toOptions({ name, help, labels = [] }: MetricOptions) {
    return {
      name: PREFIX + name,
      help,
      labelNames: [...labels],
      registers: [this.registry],
    };
  }
}

async function refresh(metric: Gauge | Counter, { collect, labels }: CollectedOptions): Promise<void> {
  const samples = await collect();
  metric.reset();
  // A reset sets a metric without labels to 0 instead of removing its sample.
  if (!labels) metric.remove();
  for (const [labels, value] of samples) metric.inc(labels, value);
}
