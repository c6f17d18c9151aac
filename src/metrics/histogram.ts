/** The values of one series, by bucket. */
export class BucketCounts {
  /** Of each bucket alone; the last one is that of all values above the highest bound. */
  readonly counts: number[];
  sum = 0;

  constructor(private readonly bounds: readonly number[]) {
    this.counts = [...bounds, Infinity].map(() => 0);
  }

  observe(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket += 1;
    this.counts[bucket]! += 1;
    this.sum += value;
  }
}

/**
 * A histogram for a registry of prom-client. Its own one builds a key of the labels, and of the bucket, for every value: for a response
 * from memory, that takes longer than to look the response up.
 */
export class Histogram {
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  private readonly series = new Map<string, { readonly labels: object; readonly counts: BucketCounts }>();

  /** @param bounds the upper ones of the buckets, in ascending order */
  constructor(
    readonly name: string,
    readonly help: string,
    private readonly labelNames: readonly string[],
    private readonly bounds: readonly number[],
  ) {}

  /** The series with these values of the labels, in the order of their names. It exists from now on. */
  labels(...values: string[]): BucketCounts {
    const key = values.join('\n');
    let series = this.series.get(key);
    if (!series) {
      const labels = Object.fromEntries(this.labelNames.map((name, index) => [name, values[index]!]));
      series = { labels, counts: new BucketCounts(this.bounds) };
      this.series.set(key, series);
    }
    return series.counts;
  }

  /** What a registry asks for at each scrape. */
  async get() {
    const values = [...this.series.values()].flatMap(({ labels, counts: { counts, sum } }) => {
      let count = 0;
      const buckets = [...this.bounds, '+Inf'].map((le, index) => {
        count += counts[index]!;
        return { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count };
      });
      return [
        ...buckets,
        { metricName: `${this.name}_sum`, labels, value: sum },
        { metricName: `${this.name}_count`, labels, value: count },
      ];
    });
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values };
  }
}
