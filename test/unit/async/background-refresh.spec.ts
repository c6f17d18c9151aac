import { setImmediate as turn } from 'node:timers/promises';
import { BackgroundRefresh } from '../../../src/async/background-refresh.js';

describe('BackgroundRefresh', () => {
  let now: number;
  let started: number;
  let end: (result: string | Error) => Promise<void>;
  let failures: unknown[];
  let work: BackgroundRefresh<string>;

  beforeEach(() => {
    [now, started, failures] = [1_000, 0, []];
    work = new BackgroundRefresh(
      () => {
        started += 1;
        const { promise, resolve, reject } = Promise.withResolvers<string>();
        end = async (result) => {
          if (typeof result === 'string') resolve(result);
          else reject(result);
          await turn();
        };
        return promise;
      },
      (error) => failures.push(error),
      { now: () => now },
    );
  });

  /** Completes a first read, whose task took `tookMs`. */
  const completeFirst = async (result: string, tookMs = 0) => {
    const reading = work.read();
    now += tookMs;
    await end(result);
    return reading;
  };

  it('makes the first reads wait for the first result', async () => {
    const readings = [work.read(), work.read()];
    await end('one');
    expect(await Promise.all(readings)).toEqual([
      { value: 'one', ageMs: 0 },
      { value: 'one', ageMs: 0 },
    ]);
    expect(started).toBe(1);
  });

  it('returns the last result with its age at once, without waiting for the refresh', async () => {
    await completeFirst('one', 2_000);
    now += 30_000;
    expect(await work.read()).toEqual({ value: 'one', ageMs: 32_000 });
    expect(started).toBe(2);
    now += 5_000;
    expect(await work.read()).toEqual({ value: 'one', ageMs: 37_000 });
    await end('two');
    expect(await work.read()).toEqual({ value: 'two', ageMs: 5_000 });
    expect(started).toBe(2);
  });

  it.each([
    ['15 s after a short task', 100, 15_000],
    ['ten times its duration after a long task', 20_000, 200_000],
  ])('starts no refresh for %s', async (_, tookMs, idleMs) => {
    await completeFirst('one', tookMs);
    now += idleMs - 1;
    await work.read();
    expect(started).toBe(1);
    now += 1;
    await work.read();
    expect(started).toBe(2);
  });

  it('keeps the last result when a refresh fails, and waits the same time before the next one', async () => {
    await completeFirst('one');
    now += 15_000;
    await work.read();
    await end(new Error('too slow'));
    expect(failures).toEqual([new Error('too slow')]);
    expect(await work.read()).toEqual({ value: 'one', ageMs: 15_000 });
    expect(started).toBe(2);
  });

  it('makes no further read wait after the first task failed, and returns nothing until one succeeds', async () => {
    const reading = work.read();
    await end(new Error('too slow'));
    expect(await reading).toBeUndefined();
    now += 15_000;
    expect(await work.read()).toBeUndefined();
    expect(started).toBe(2);
    await end('two');
    expect(await work.read()).toMatchObject({ value: 'two' });
  });

  it('makes the next read wait again after it is invalidated', async () => {
    await completeFirst('one');
    work.invalidate();
    expect(await work.read()).toBeUndefined();
    now += 15_000;
    const reading = work.read();
    await end('two');
    expect(await reading).toEqual({ value: 'two', ageMs: 0 });
  });
});
