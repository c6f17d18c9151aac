import * as fc from 'fast-check';
import { nextAttemptInMs, MAX_RETRY_AGE_MS } from '../../../src/delivery/retry-schedule.js';
import { scale } from '../../support/scale.js';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;
const MAX_BACKOFF_MS = 12 * HOUR_MS;

/** The shortest and the longest of many random backoffs. */
function bounds(attempts: number, ageMs: number, retryAfterSeconds?: number): [number, number] {
  const draws = Array.from({ length: 500 }, () => nextAttemptInMs({ attempts, ageMs, retryAfterSeconds })!);
  return [Math.min(...draws), Math.max(...draws)];
}

/** The times of all attempts of a delivery that always fails, in milliseconds since the first. */
function attemptTimes(durationMs: number, retryAfterSeconds?: number): number[] {
  const attempts = [0];
  for (;;) {
    const ageMs = attempts.at(-1)! + durationMs;
    const next = nextAttemptInMs({ attempts: attempts.length, ageMs, retryAfterSeconds });
    if (next === undefined) return attempts;
    attempts.push(ageMs + next);
  }
}

describe('nextAttemptInMs', () => {
  it.each([
    [1, 5 * SECOND_MS],
    [2, 10 * SECOND_MS],
    [3, 20 * SECOND_MS],
    [4, 40 * SECOND_MS],
    [9, 1_280 * SECOND_MS],
    [14, 40_960 * SECOND_MS],
    [15, MAX_BACKOFF_MS],
    [16, MAX_BACKOFF_MS],
    [1_000, MAX_BACKOFF_MS],
    [Number.MAX_SAFE_INTEGER, MAX_BACKOFF_MS],
  ])('backs off after attempt %d for at most %d ms, and at least 10 %% less', (attempts, backoffMs) => {
    const [min, max] = bounds(attempts, 0);
    expect(min).toBeGreaterThanOrEqual(0.9 * backoffMs);
    expect(max).toBeLessThanOrEqual(backoffMs);
    // Deliveries that failed at the same time are not retried at the same time.
    expect(max - min).toBeGreaterThan(0.05 * backoffMs);
  });

  it('schedules attempts for three days, the last one at the end of the third', () => {
    expect(MAX_RETRY_AGE_MS).toBe(3 * 24 * HOUR_MS);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 * SECOND_MS }), (durationMs) => {
        const attempts = attemptTimes(durationMs);
        expect(attempts.at(-1)).toBe(MAX_RETRY_AGE_MS);
        const gaps = attempts.slice(1).map((at, index) => at - attempts[index]!);
        expect(Math.max(...gaps)).toBeLessThanOrEqual(12 * HOUR_MS + 1 + durationMs);
        // About twenty attempts: few enough for a consumer that is down, and soon enough for one that recovers.
        expect(attempts.length).toBeGreaterThanOrEqual(19);
        expect(attempts.length).toBeLessThanOrEqual(23);
      }),
    );
  });

  it.each([
    [MAX_RETRY_AGE_MS - 1, 1],
    [MAX_RETRY_AGE_MS - 30 * 60 * SECOND_MS, 30 * 60 * SECOND_MS],
  ])(
    'schedules the last attempt at the end of the third day: after %d ms, in %d ms',
    (ageMs, remainingMs) => {
      expect(bounds(20, ageMs)).toEqual([remainingMs, remainingMs]);
    },
  );

  it.each([MAX_RETRY_AGE_MS, MAX_RETRY_AGE_MS + 1, 10 * MAX_RETRY_AGE_MS])(
    'schedules no attempt after %d ms',
    (ageMs) => {
      expect(nextAttemptInMs({ attempts: 20, ageMs, retryAfterSeconds: undefined })).toBeUndefined();
      expect(nextAttemptInMs({ attempts: 20, ageMs, retryAfterSeconds: 60 })).toBeUndefined();
    },
  );

  it.each([
    ['more than the schedule', 1, 60, 60 * SECOND_MS],
    ['less than the schedule', 6, 60, 0.9 * 160 * SECOND_MS],
    ['nothing', 1, 0, 0.9 * 5 * SECOND_MS],
    ['a whole day', 1, 24 * 3_600, 24 * HOUR_MS],
  ])(
    'never schedules an attempt earlier than Retry-After asks: %s',
    (_, attempts, retryAfterSeconds, leastMs) => {
      const [min, max] = bounds(attempts, 0, retryAfterSeconds);
      expect(min).toBeGreaterThanOrEqual(leastMs);
      expect(max).toBeLessThanOrEqual((leastMs / 0.9) * 1.1);
    },
  );

  it.each([72 * 3_600 + 1, 10 ** 7, 9_999_999_999, Number.MAX_VALUE])(
    'caps a Retry-After of %d s at three days',
    (retryAfterSeconds) => {
      const [min, max] = bounds(1, 0, retryAfterSeconds);
      expect(min).toBeGreaterThanOrEqual(MAX_RETRY_AGE_MS);
      expect(max).toBeLessThanOrEqual(MAX_RETRY_AGE_MS);
    },
  );

  it('schedules one more attempt when Retry-After ends after the third day', () => {
    const [min, max] = bounds(3, MAX_RETRY_AGE_MS - SECOND_MS, 60);
    expect(min).toBeGreaterThanOrEqual(60 * SECOND_MS);
    expect(max).toBeLessThanOrEqual(66 * SECOND_MS);
  });

  it('returns a finite time that is never shorter than the schedule or Retry-After', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: MAX_RETRY_AGE_MS, maxExcluded: true, noNaN: true }),
        fc.option(fc.nat(10 ** 10), { nil: undefined }),
        (attempts, ageMs, retryAfterSeconds) => {
          const retryAfterMs = Math.min((retryAfterSeconds ?? 0) * SECOND_MS, MAX_RETRY_AGE_MS);
          const scheduledMs = Math.min(
            0.9 * 5 * SECOND_MS * 2 ** Math.min(attempts - 1, 30),
            0.9 * MAX_BACKOFF_MS,
          );
          const waited = nextAttemptInMs({ attempts, ageMs, retryAfterSeconds })!;
          expect(waited).toBeGreaterThanOrEqual(
            Math.max(retryAfterMs, Math.min(scheduledMs, MAX_RETRY_AGE_MS - ageMs)),
          );
          expect(waited).toBeLessThanOrEqual(MAX_RETRY_AGE_MS);
        },
      ),
      { numRuns: scale(300, 2_000) },
    );
  });
});
