import { setImmediate as turn } from 'node:timers/promises';
import { BackgroundRefresh } from '../../../src/async/background-refresh.js';

describe('BackgroundRefresh', () => {
  let now: number;
  let runs: number;
  let end: (result: string | Error) => Promise<void>;
  let failures: unknown[];
  let refresh: BackgroundRefresh<string>;

  beforeEach(() => {
    [now, runs, failures] = [1_000, 0, []];
    refresh = new BackgroundRefresh(
      () => {
        runs += 1;
        const { promise, resolve, reject } = Promise.withResolvers<string>();
        end = async (result) => {
          if (typeof result === 'string') resolve(result);
          else reject(result);
          await turn();
        };
        return promise;
      },
      (error) => failures.push(error),
      () => now,
    );
  });

  /** Completes the first run, which takes `tookMs`. */
  const firstRun = async (result: string, tookMs = 0) => {
    const reading = refresh.read();
    now += tookMs;
    await end(result);
    return reading;
  };

  it('makes concurrent first reads wait for one run', async () => {
    const readings = [refresh.read(), refresh.read()];
    await end('one');
    expect(await Promise.all(readings)).toEqual([
      { value: 'one', ageMs: 0 },
      { value: 'one', ageMs: 0 },
    ]);
    expect(runs).toBe(1);
  });

  it('returns the last result with its age at once while a run is in flight', async () => {
    await firstRun('one', 2_000);
    now += 30_000;
    expect(await refresh.read()).toEqual({ value: 'one', ageMs: 32_000 });
    expect(runs).toBe(2);
    now += 5_000;
    expect(await refresh.read()).toEqual({ value: 'one', ageMs: 37_000 });
    await end('two');
    expect(await refresh.read()).toEqual({ value: 'two', ageMs: 5_000 });
    expect(runs).toBe(2);
  });

  it.each([
    ['15 s after a short run', 100, 15_000],
    ['ten times the duration of a long run', 20_000, 200_000],
  ])('stays idle for %s', async (_, tookMs, idleMs) => {
    await firstRun('one', tookMs);
    now += idleMs - 1;
    await refresh.read();
    expect(runs).toBe(1);
    now += 1;
    await refresh.read();
    expect(runs).toBe(2);
  });

  it('keeps the last result and stays idle after a failed run', async () => {
    await firstRun('one');
    now += 15_000;
    await refresh.read();
    await end(new Error('too slow'));
    expect(failures).toEqual([new Error('too slow')]);
    expect(await refresh.read()).toEqual({ value: 'one', ageMs: 15_000 });
    expect(runs).toBe(2);
  });

  it('makes no further read wait after a failed first run', async () => {
    const reading = refresh.read();
    await end(new Error('too slow'));
    expect(await reading).toBeUndefined();
    now += 15_000;
    expect(await refresh.read()).toBeUndefined();
    expect(runs).toBe(2);
    await end('two');
    expect(await refresh.read()).toMatchObject({ value: 'two' });
  });

  it('makes the first read after invalidate wait for a run', async () => {
    await firstRun('one');
    refresh.invalidate();
    expect(await refresh.read()).toBeUndefined();
    now += 15_000;
    const reading = refresh.read();
    await end('two');
    expect(await reading).toEqual({ value: 'two', ageMs: 0 });
  });
});
