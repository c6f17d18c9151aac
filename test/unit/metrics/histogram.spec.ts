import { array, assert, asyncProperty, constantFrom, record } from 'fast-check';
import { Histogram as Reference, Registry } from 'prom-client';
import type { Metric } from 'prom-client';
import { Histogram } from '../../../src/metrics/histogram.js';
import { scale } from '../../support/scale.js';

const LABELS = ['consumer', 'outcome'];
const BOUNDS = [0.01, 0.5, 1, 10];

const observation = record({
  consumer: constantFrom('shop', 'a "quoted" one', 'two\nlines'),
  outcome: constantFrom('2xx', ''),
  // On a bound, between bounds, and outside of them. The sums of these are exact.
  value: constantFrom(0, 0.0078125, 0.5, 0.75, 1, 8, 10, 11, 4096),
});

describe('Histogram', () => {
  it('is scraped as the histogram of prom-client is', async () => {
    const property = asyncProperty(array(observation), async (observations) => {
      const [own, reference] = [new Registry(), new Registry()];
      const histogram = new Histogram('seconds', 'Help', LABELS, BOUNDS);
      own.registerMetric(histogram as unknown as Metric);
      const expected = new Reference({
        name: 'seconds',
        help: 'Help',
        labelNames: LABELS,
        buckets: BOUNDS,
        registers: [reference],
      });
      for (const { consumer, outcome, value } of observations) {
        histogram.labels(consumer, outcome).observe(value);
        expected.labels(consumer, outcome).observe(value);
      }
      expect(await own.metrics()).toBe(await reference.metrics());
    });
    await assert(property, { numRuns: scale(20, 100) });
  });

  it('has a series from the time when it is first asked for', async () => {
    const histogram = new Histogram('seconds', 'Help', LABELS, BOUNDS);
    expect((await histogram.get()).values).toEqual([]);
    histogram.labels('shop', '2xx');
    expect((await histogram.get()).values.map(({ value }) => value)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });
});
