import { jest } from '@jest/globals';

/** Stops the time of day and advances it by these seconds; timers are not affected. */
export function passSeconds(seconds: number): void {
  const now = Date.now() + seconds * 1000;
  jest.useFakeTimers({
    now,
    doNotFake: [
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'setTimeout',
      'clearTimeout',
    ],
  });
}

/** Restores the time of day of the machine. */
export function restoreClock(): void {
  jest.useRealTimers();
}
