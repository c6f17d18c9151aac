import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Values from short lists of ours: routes, operations, configured names. Never anything that arrived. */
export type Labels = Record<string, string>;
export type Samples = Iterable<readonly [Labels, number]>;

interface MetricOptions {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

interface CollectedOptions extends MetricOptions {
  /** Tells every value anew at each collection; what it leaves out is not shown. */
  readonly collect: () => Samples | Promise<Samples>;
}

interface HistogramOptions extends MetricOptions {
  readonly buckets: number[];
}

/** Makes the metrics that bear this gateway's name. */
@Injectable()
export class MetricsRegistry {
  readonly registry = new Registry();

  gauge(shown: CollectedOptions): void {
    const gauge: Gauge = new Gauge({ ...this.toOptions(shown), collect: () => refresh(gauge, shown) });
  }

  counter(shown: CollectedOptions): void {
    const counter: Counter = new Counter({
      ...this.toOptions(shown),
      collect: () => refresh(counter, shown),
    });
  }

  histogram(shown: HistogramOptions): Histogram {
    return new Histogram({ ...this.toOptions(shown), buckets: shown.buckets });
  }

  private toOptions({ name, help, labels = [] }: MetricOptions) {
    return {
      name: `rewards_gateway_${name}`,
      help,
      labelNames: [...labels],
      registers: [this.registry],
    };
  }
}

async function refresh(metric: Gauge | Counter, { collect: read, labels }: CollectedOptions): Promise<void> {
  const samples = await read();
  metric.reset();
  // Where there are no labels, that is not gone but 0.
  if (!labels) metric.remove();
  for (const [labels, value] of samples) metric.inc(labels, value);
}
