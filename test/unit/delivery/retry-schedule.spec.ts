import * as fc from 'fast-check';
import { nextAttemptMs, triedForMs } from '../../../src/delivery/retry-schedule.js';

const secondMs = 1_000;
const hourMs = 3_600 * secondMs;
/** Twelve hours apart at the most, by a tenth more or less. */
const longestMs = (12 * hourMs) / 1.1;

/** The least and the most that a delivery may wait, over many draws. */
function bounds(tries: number, sinceMs: number, retryAfterSeconds?: number): [number, number] {
  const draws = Array.from({ length: 500 }, () => nextAttemptMs({ tries, sinceMs, retryAfterSeconds })!);
  return [Math.min(...draws), Math.max(...draws)];
}

/** When a delivery is tried that always fails, in milliseconds since the first attempt. */
function attemptsOf(durationMs: number, retryAfterSeconds?: number): number[] {
  const attempts = [0];
  for (;;) {
    const sinceMs = attempts.at(-1)! + durationMs;
    const next = nextAttemptMs({ tries: attempts.length, sinceMs, retryAfterSeconds });
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
    expect(triedForMs).toBe(3 * 24 * hourMs);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 * secondMs }), (durationMs) => {
        const attempts = attemptsOf(durationMs);
        expect(attempts.at(-1)).toBe(triedForMs);
        const gaps = attempts.slice(1).map((at, index) => at - attempts[index]!);
        expect(Math.max(...gaps)).toBeLessThanOrEqual(12 * hourMs + 1 + durationMs);
        // Twenty or so, lest a consumer that is down be flooded, and lest one that is back wait for half a day at first.
        expect(attempts.length).toBeGreaterThanOrEqual(19);
        expect(attempts.length).toBeLessThanOrEqual(23);
      }),
    );
  });

  it.each([
    [triedForMs - 1, 1],
    [triedForMs - 30 * 60 * secondMs, 30 * 60 * secondMs],
  ])('waits after %d ms for the end of the third day: %d ms', (sinceMs, leftMs) => {
    expect(bounds(20, sinceMs)).toEqual([leftMs, leftMs]);
  });

  it.each([triedForMs, triedForMs + 1, 10 * triedForMs])('is dead after %d ms', (sinceMs) => {
    expect(nextAttemptMs({ tries: 20, sinceMs, retryAfterSeconds: undefined })).toBeUndefined();
    expect(nextAttemptMs({ tries: 20, sinceMs, retryAfterSeconds: 60 })).toBeUndefined();
  });

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
      expect(least).toBeGreaterThanOrEqual(triedForMs);
      expect(most).toBeLessThanOrEqual(1.1 * triedForMs);
    },
  );

  it('that is asked to wait beyond the third day is tried once more, then', () => {
    const [least, most] = bounds(3, triedForMs - secondMs, 60);
    expect(least).toBeGreaterThanOrEqual(60 * secondMs);
    expect(most).toBeLessThanOrEqual(66 * secondMs);
  });

  it('waits a finite time, never less than asked for or scheduled, whatever the figures', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: triedForMs, maxExcluded: true, noNaN: true }),
        fc.option(fc.nat(10 ** 10), { nil: undefined }),
        (tries, sinceMs, retryAfterSeconds) => {
          const askedMs = Math.min((retryAfterSeconds ?? 0) * secondMs, triedForMs);
          const scheduledMs = Math.min(0.9 * 5 * secondMs * 2 ** Math.min(tries - 1, 30), 0.9 * longestMs);
          const waited = nextAttemptMs({ tries, sinceMs, retryAfterSeconds })!;
          expect(waited).toBeGreaterThanOrEqual(
            Math.max(askedMs, Math.min(scheduledMs, triedForMs - sinceMs)),
          );
          expect(waited).toBeLessThanOrEqual(1.1 * triedForMs);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
