import * as fc from 'fast-check';
import { nextAttemptInMs, MAX_RETRY_AGE_MS } from '../../../src/delivery/retry-schedule.js';

const secondMs = 1_000;
const hourMs = 3_600 * secondMs;
/** Twelve hours apart at the most, by a tenth more or less. */
const longestMs = (12 * hourMs) / 1.1;

/** The least and the most that a delivery may wait, over many draws. */
function bounds(tries: number, sinceMs: number, retryAfterSeconds?: number): [number, number] {
  const draws = Array.from({ length: 500 }, () =>
    nextAttemptInMs({ attempts: tries, ageMs: sinceMs, retryAfterSeconds })!,
  );
  return [Math.min(...draws), Math.max(...draws)];
}

/** When a delivery is tried that always fails, in milliseconds since the first attempt. */
function attemptsOf(durationMs: number, retryAfterSeconds?: number): number[] {
  const attempts = [0];
  for (;;) {
    const sinceMs = attempts.at(-1)! + durationMs;
    const next = nextAttemptInMs({ attempts: attempts.length, ageMs: sinceMs, retryAfterSeconds });
    if (next === undefined) return attempts;
    attempts.push(sinceMs + next);
  }
}

describe('a delivery that failed', () => {
  it.each([
    [1, 5 * secondMs],
    [2, 10 * secondMs],
    [3, 20 * secondMs],
    [4, 40 * secondMs],
    [9, 1_280 * secondMs],
    [14, longestMs],
    [15, longestMs],
    [16, longestMs],
    [1_000, longestMs],
    [Number.MAX_SAFE_INTEGER, longestMs],
  ])('waits about as long after attempt %d as the schedule says: %d ms', (tries, pauseMs) => {
    const [least, most] = bounds(tries, 0);
    expect(least).toBeGreaterThanOrEqual(0.9 * pauseMs);
    expect(most).toBeLessThanOrEqual(1.1 * pauseMs);
    // Those that failed together do not come back together.
    expect(most - least).toBeGreaterThan(0.1 * pauseMs);
  });

  it('is tried for three days, and last at the end of the third', () => {
    expect(MAX_RETRY_AGE_MS).toBe(3 * 24 * hourMs);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 * secondMs }), (durationMs) => {
        const attempts = attemptsOf(durationMs);
        expect(attempts.at(-1)).toBe(MAX_RETRY_AGE_MS);
        const gaps = attempts.slice(1).map((at, index) => at - attempts[index]!);
        expect(Math.max(...gaps)).toBeLessThanOrEqual(12 * hourMs + 1 + durationMs);
        // Twenty or so, lest a consumer that is down be flooded, and lest one that is back wait for half a day at first.
        expect(attempts.length).toBeGreaterThanOrEqual(19);
        expect(attempts.length).toBeLessThanOrEqual(23);
      }),
    );
  });

  it.each([
    [MAX_RETRY_AGE_MS - 1, 1],
    [MAX_RETRY_AGE_MS - 30 * 60 * secondMs, 30 * 60 * secondMs],
  ])('waits after %d ms for the end of the third day: %d ms', (sinceMs, leftMs) => {
    expect(bounds(20, sinceMs)).toEqual([leftMs, leftMs]);
  });

  it.each([MAX_RETRY_AGE_MS, MAX_RETRY_AGE_MS + 1, 10 * MAX_RETRY_AGE_MS])(
    'is dead after %d ms',
    (sinceMs) => {
      expect(nextAttemptInMs({ attempts: 20, ageMs: sinceMs, retryAfterSeconds: undefined })).toBeUndefined();
      expect(nextAttemptInMs({ attempts: 20, ageMs: sinceMs, retryAfterSeconds: 60 })).toBeUndefined();
    },
  );

  it.each([
    ['more than the schedule', 1, 60, 60 * secondMs],
    ['less than the schedule', 6, 60, 0.9 * 160 * secondMs],
    ['nothing', 1, 0, 0.9 * 5 * secondMs],
    ['a whole day', 1, 24 * 3_600, 24 * hourMs],
  ])('never comes back before it is asked to: %s', (_, tries, retryAfterSeconds, leastMs) => {
    const [least, most] = bounds(tries, 0, retryAfterSeconds);
    expect(least).toBeGreaterThanOrEqual(leastMs);
    expect(most).toBeLessThanOrEqual((leastMs / 0.9) * 1.1);
  });

  it.each([72 * 3_600 + 1, 10 ** 7, 9_999_999_999, Number.MAX_VALUE])(
    'waits three days, and a tenth of them at most, where %d s are asked for',
    (retryAfterSeconds) => {
      const [least, most] = bounds(1, 0, retryAfterSeconds);
      expect(least).toBeGreaterThanOrEqual(MAX_RETRY_AGE_MS);
      expect(most).toBeLessThanOrEqual(1.1 * MAX_RETRY_AGE_MS);
    },
  );

  it('that is asked to wait beyond the third day is tried once more, then', () => {
    const [least, most] = bounds(3, MAX_RETRY_AGE_MS - secondMs, 60);
    expect(least).toBeGreaterThanOrEqual(60 * secondMs);
    expect(most).toBeLessThanOrEqual(66 * secondMs);
  });

  it('waits a finite time, never less than asked for or scheduled, whatever the figures', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: MAX_RETRY_AGE_MS, maxExcluded: true, noNaN: true }),
        fc.option(fc.nat(10 ** 10), { nil: undefined }),
        (tries, sinceMs, retryAfterSeconds) => {
          const askedMs = Math.min((retryAfterSeconds ?? 0) * secondMs, MAX_RETRY_AGE_MS);
          const scheduledMs = Math.min(0.9 * 5 * secondMs * 2 ** Math.min(tries - 1, 30), 0.9 * longestMs);
          const waited = nextAttemptInMs({ attempts: tries, ageMs: sinceMs, retryAfterSeconds })!;
          expect(waited).toBeGreaterThanOrEqual(
            Math.max(askedMs, Math.min(scheduledMs, MAX_RETRY_AGE_MS - sinceMs)),
          );
          expect(waited).toBeLessThanOrEqual(1.1 * MAX_RETRY_AGE_MS);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
