import { backoffMs } from '../../../src/async/backoff.js';

const draw = (failures: number, jitter?: number) =>
  Array.from({ length: 200 }, () =>
    backoffMs(failures, { initialMs: 100, maxMs: 1_000, ...(jitter !== undefined && { jitter }) }),
  );

describe('backoffMs', () => {
  it.each([
    [1, 100],
    [2, 200],
    [3, 400],
    [4, 800],
    [5, 1_000],
    [2_000, 1_000],
  ])('waits at most, after %d failures, %d ms, and half of it at least', (failures, maxMs) => {
    const waits = draw(failures);
    expect(Math.max(...waits)).toBeLessThanOrEqual(maxMs);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(maxMs / 2);
    expect(new Set(waits).size).toBeGreaterThan(100);
  });

  it('waits exactly the stated time without jitter', () => {
    expect(new Set(draw(3, 0))).toEqual(new Set([400]));
  });

  it('uses the whole range down to zero with full jitter', () => {
    const waits = draw(1, 1);
    expect(Math.min(...waits)).toBeLessThan(20);
    expect(Math.max(...waits)).toBeLessThanOrEqual(100);
  });
});
