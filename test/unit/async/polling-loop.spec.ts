import { setImmediate as turn } from 'node:timers/promises';
import { PollingLoop } from '../../../src/async/polling-loop.js';
import { until } from '../../support/wait-for.js';

/** So long that a test which waits for it fails. */
const neverMs = 3_600_000;

let pump: PollingLoop;
let runs: number;
let failures: unknown[];

const start = (work: () => Promise<boolean> | boolean, pauseMs = neverMs) => {
  runs = 0;
  failures = [];
  pump = new PollingLoop(
    async () => {
      runs += 1;
      return work();
    },
    pauseMs,
    (error) => failures.push(error),
  );
  pump.start();
};
const ran = (times: number) => until(`it has run ${times} times`, () => runs >= times);
/** Time enough for a pump that would run again to do so. */
const idle = async () => {
  for (let count = 0; count < 20; count += 1) await turn();
};

afterEach(() => pump.stop());

describe('a pump', () => {
  it('works again at once while there is more, then pauses', async () => {
    start(() => runs < 5);
    await ran(5);
    await idle();
    expect(runs).toBe(5);
  });

  it('works again when it is woken', async () => {
    start(() => false);
    for (let times = 1; times <= 3; times += 1) {
      await ran(times);
      await idle();
      expect(runs).toBe(times);
      pump.notify();
    }
  });

  it('works again after a pause when nobody wakes it', async () => {
    start(() => false, 10);
    await ran(3);
    expect(failures).toEqual([]);
  });

  it('does not forget who woke it during the work', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    start(() => (runs === 1 ? promise : false));
    await ran(1);
    pump.notify();
    pump.notify();
    resolve(false);
    await ran(2);
    await idle();
    expect(runs).toBe(2);
  });

  it('works at one thing at a time, however often it is started and woken', async () => {
    let open = 0;
    let most = 0;
    start(async () => {
      open += 1;
      most = Math.max(most, open);
      await turn();
      open -= 1;
      return false;
    });
    for (let count = 0; count < 50; count += 1) {
      pump.start();
      pump.notify();
      await turn();
    }
    expect(runs).toBeGreaterThan(10);
    expect(most).toBe(1);
  });

  it('tells of a failure, pauses, and goes on', async () => {
    start(() => {
      if (runs === 1) throw new Error('once');
      return false;
    });
    await ran(1);
    await idle();
    expect([runs, failures]).toEqual([1, [new Error('once')]]);
    pump.notify();
    await ran(2);
    expect(failures).toHaveLength(1);
  });

  it('stops at once while it pauses', async () => {
    start(() => false);
    await ran(1);
    await idle();
    await pump.stop();
    pump.notify();
    await idle();
    expect(runs).toBe(1);
  });

  it('stops behind the work under way, also while there is more', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    start(() => promise);
    await ran(1);
    let stopped = false;
    const end = pump.stop().then(() => (stopped = true));
    await idle();
    expect(stopped).toBe(false);
    resolve(true);
    await end;
    expect(runs).toBe(1);
  });

  it('that never began stops too', async () => {
    pump = new PollingLoop(
      () => Promise.reject(new Error('never')),
      neverMs,
      () => undefined,
    );
    await expect(pump.stop()).resolves.toBeUndefined();
  });
});
