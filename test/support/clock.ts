import { mock } from 'node:test';

/** Stops the time of day and advances it by these seconds; timers are not affected. */
export function passSeconds(seconds: number): void {
  const now = Date.now() + seconds * 1000;
  mock.timers.reset();
  mock.timers.enable({ apis: ['Date'], now });
}

/** Restores the time of day of the machine. */
export function restoreClock(): void {
  mock.timers.reset();
}
