import { setImmediate as turn } from 'node:timers/promises';
import { BackgroundRefresh } from '../../../src/async/background-refresh.js';

describe('work in the background', () => {
  let now: number;
  let begun: number;
  let end: (result: string | Error) => Promise<void>;
  let failures: unknown[];
  let work: BackgroundRefresh<string>;

  beforeEach(() => {
    [now, begun, failures] = [1_000, 0, []];
    work = new BackgroundRefresh(
      () => {
        begun += 1;
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

  /** Has a first result, which took so long. */
  const know = async (result: string, tookMs = 0) => {
    const reading = work.read();
    now += tookMs;
    await end(result);
    return reading;
  };

  it('is waited for by who asks first, and by who asks with him', async () => {
    const readings = [work.read(), work.read()];
    await end('one');
    expect(await Promise.all(readings)).toEqual([
      { value: 'one', ageMs: 0 },
      { value: 'one', ageMs: 0 },
    ]);
    expect(begun).toBe(1);
  });

  it('is waited for by nobody else: they get what is known, with its age', async () => {
    await know('one', 2_000);
    now += 30_000;
    expect(await work.read()).toEqual({ value: 'one', ageMs: 32_000 });
    expect(begun).toBe(2);
    now += 5_000;
    expect(await work.read()).toEqual({ value: 'one', ageMs: 37_000 });
    await end('two');
    expect(await work.read()).toEqual({ value: 'two', ageMs: 5_000 });
    expect(begun).toBe(2);
  });

  it.each([
    ['15 s after work that was short', 100, 15_000],
    ['ten times as long as it took, after work that was long', 20_000, 200_000],
  ])('rests for %s', async (_, tookMs, restMs) => {
    await know('one', tookMs);
    now += restMs - 1;
    await work.read();
    expect(begun).toBe(1);
    now += 1;
    await work.read();
    expect(begun).toBe(2);
  });

  it('leaves what is known when it fails, and rests as well', async () => {
    await know('one');
    now += 15_000;
    await work.read();
    await end(new Error('too slow'));
    expect(failures).toEqual([new Error('too slow')]);
    expect(await work.read()).toEqual({ value: 'one', ageMs: 15_000 });
    expect(begun).toBe(2);
  });

  it('is not waited for again where the first failed: nothing is known until it succeeds', async () => {
    const reading = work.read();
    await end(new Error('too slow'));
    expect(await reading).toBeUndefined();
    now += 15_000;
    expect(await work.read()).toBeUndefined();
    expect(begun).toBe(2);
    await end('two');
    expect(await work.read()).toMatchObject({ value: 'two' });
  });

  it('forgets, and is waited for as at first', async () => {
    await know('one');
    work.invalidate();
    expect(await work.read()).toBeUndefined();
    now += 15_000;
    const reading = work.read();
    await end('two');
    expect(await reading).toEqual({ value: 'two', ageMs: 0 });
  });
});
