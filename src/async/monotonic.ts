/**
 * Durations and deadlines are measured by `performance.now()`, which no one can set: the clock of the machine may be put back or
 * forward at any moment, by an hour as well.
 * @param at a moment by `performance.now()`
 * @returns the same moment by the clock of the machine, in milliseconds since the epoch, to be shown
 */
export function toEpochMs(at: number): number {
  return Date.now() + (at - performance.now());
}
