import { setImmediate as nextTurn } from 'node:timers/promises';
import { PollingLoop } from '../../../src/async/polling-loop.js';
import { waitFor } from '../../support/wait-for.js';

/** Longer than any test runs: a test that needs this interval to pass fails. */
const NEVER_MS = 3_600_000;

let loop: PollingLoop;
let runs: number;
let failures: unknown[];

const start = (work: () => Promise<boolean> | boolean, intervalMs = NEVER_MS, minIntervalMs = 0) => {
  runs = 0;
  failures = [];
  loop = new PollingLoop(
    async () => {
      runs += 1;
      return work();
    },
    intervalMs,
    (error) => failures.push(error),
    minIntervalMs,
  );
  loop.start();
};
const ran = (times: number) => waitFor(`${times} runs`, () => runs >= times);
/** Gives a loop that is about to run again the time to do so. */
const idle = async () => {
  for (let count = 0; count < 20; count += 1) await nextTurn();
};

afterEach(() => loop.stop());

describe('PollingLoop', () => {
  it('repeats the work at once while there is more, then waits', async () => {
    start(() => runs < 5);
    await ran(5);
    await idle();
    expect(runs).toBe(5);
  });

  it('repeats the work when it is notified', async () => {
    start(() => false);
    for (let times = 1; times <= 3; times += 1) {
      await ran(times);
      await idle();
      expect(runs).toBe(times);
      loop.notify();
    }
  });

  it('repeats the work after the interval when nothing notifies it', async () => {
    start(() => false, 10);
    await ran(3);
    expect(failures).toEqual([]);
  });

  it('repeats the work after a notification that arrives during the work', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    start(() => (runs === 1 ? promise : false));
    await ran(1);
    loop.notify();
    loop.notify();
    resolve(false);
    await ran(2);
    await idle();
    expect(runs).toBe(2);
  });

  it('never runs the work twice at the same time, however often it is started and notified', async () => {
    let open = 0;
    let maxOpen = 0;
    start(async () => {
      open += 1;
      maxOpen = Math.max(maxOpen, open);
      await nextTurn();
      open -= 1;
      return false;
    });
    for (let count = 0; count < 50; count += 1) {
      loop.start();
      loop.notify();
      await nextTurn();
    }
    expect(runs).toBeGreaterThan(10);
    expect(maxOpen).toBe(1);
  });

  it('reports a failure, waits, and continues', async () => {
    start(() => {
      if (runs === 1) throw new Error('once');
      return false;
    });
    await ran(1);
    await idle();
    expect([runs, failures]).toEqual([1, [new Error('once')]]);
    loop.notify();
    await ran(2);
    expect(failures).toHaveLength(1);
  });

  it('runs no more often than its minimum interval, however often it is notified', async () => {
    start(() => false, NEVER_MS, 20);
    const since = performance.now();
    const notifying = setInterval(() => loop.notify(), 1);
    await ran(4);
    clearInterval(notifying);
    // Three intervals. A timer may be early by a millisecond.
    expect(performance.now() - since).toBeGreaterThan(50);
  });

  it('runs without a rest while there is more, whatever its minimum interval', async () => {
    start(() => runs < 5, NEVER_MS, NEVER_MS);
    await ran(5);
    expect(failures).toEqual([]);
  });

  it('stops at once while it waits', async () => {
    start(() => false);
    await ran(1);
    await idle();
    await loop.stop();
    loop.notify();
    await idle();
    expect(runs).toBe(1);
  });

  it('stops after the current run, even when there is more work', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    start(() => promise);
    await ran(1);
    let stopped = false;
    const end = loop.stop().then(() => (stopped = true));
    await idle();
    expect(stopped).toBe(false);
    resolve(true);
    await end;
    expect(runs).toBe(1);
  });

  it('stops even if it was never started', async () => {
    loop = new PollingLoop(
      () => Promise.reject(new Error('never')),
      NEVER_MS,
      () => undefined,
    );
    await expect(loop.stop()).resolves.toBeUndefined();
  });
});
