import { mock } from 'node:test';

const monotonicNow = performance.now.bind(performance);

/** Stops the time of day and the monotonic clock, and advances both by these seconds; timers are not affected. */
export function passSeconds(seconds: number): void {
  const now = Date.now() + seconds * 1000;
  const stopped = performance.now() + seconds * 1000;
  restoreClock();
  mock.timers.enable({ apis: ['Date'], now });
  // A mock would record each of its calls.
  performance.now = () => stopped;
}

/** Sets the clock of the machine, as an operator or a time server does: the monotonic clock, and so all durations, stay right. */
export function setClock(secondsFromNow: number): void {
  const now = Date.now() + secondsFromNow * 1000;
  mock.timers.reset();
  mock.timers.enable({ apis: ['Date'], now });
}

/** Restores the clocks of the machine. */
export function restoreClock(): void {
  mock.timers.reset();
  performance.now = monotonicNow;
}
