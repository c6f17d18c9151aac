import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Values from short lists of ours: routes, operations, configured names. Never anything that arrived. */
export type Labels = Record<string, string>;
export type Samples = Iterable<readonly [Labels, number]>;

interface Shown {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

interface Read extends Shown {
  /** Tells every value anew at each collection; what it leaves out is not shown. */
  readonly read: () => Samples | Promise<Samples>;
}

interface Measured extends Shown {
  readonly buckets: number[];
}

/** Makes the metrics that bear this gateway's name. */
@Injectable()
export class Instruments {
  readonly registry = new Registry();

  gauge(shown: Read): void {
    const gauge: Gauge = new Gauge({ ...this.optionsOf(shown), collect: () => refill(gauge, shown) });
  }

  counter(shown: Read): void {
    const counter: Counter = new Counter({ ...this.optionsOf(shown), collect: () => refill(counter, shown) });
  }

  histogram(shown: Measured): Histogram {
    return new Histogram({ ...this.optionsOf(shown), buckets: shown.buckets });
  }

  private optionsOf({ name, help, labels = [] }: Shown) {
    return {
      name: `rewards_gateway_${name}`,
      help,
      labelNames: [...labels],
      registers: [this.registry],
    };
  }
}

async function refill(metric: Gauge | Counter, { read, labels }: Read): Promise<void> {
  const samples = await read();
  metric.reset();
  // Where there are no labels, that is not gone but 0.
  if (!labels) metric.remove();
  for (const [labels, value] of samples) metric.inc(labels, value);
}
