import { jest } from '@jest/globals';

/** Stops the time of day, and moves it on by so many seconds; timers go on as ever. The next call moves it further. */
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

/** The time of day is that of the machine again. */
export function restoreClock(): void {
  jest.useRealTimers();
}
