import { AsyncLocalStorage } from 'node:async_hooks';
import { mock } from 'node:test';
import { BulkheadFullError } from '../../../src/async/fair-bulkhead.js';
import { FairBatches } from '../../../src/async/fair-batches.js';
import type { BatchOptions } from '../../../src/async/fair-batches.js';

const OPTIONS: BatchOptions = {
  concurrency: 1,
  batchSize: 100,
  maxWaiting: 100,
  patienceMs: 60_000,
  mayConcernOne: () => true,
};

/** Batches whose work ends when the test says so. An item is its key and a number: `a1`. */
function start(options: Partial<BatchOptions> = {}) {
  const started: string[] = [];
  const ends: (() => void)[] = [];
  const batches = new FairBatches<string, string>(
    (items) =>
      new Promise((resolve) => {
        started.push(items.join(' '));
        ends.push(() => resolve(items.map((item) => item.toUpperCase())));
      }),
    { ...OPTIONS, ...options },
  );
  return {
    started,
    add: (item: string) => batches.execute(item[0]!, item),
    /** Ends the oldest batch. */
    end: async () => {
      ends.shift()!();
      await turn();
    },
    endLast: async () => {
      ends.pop()!();
      await turn();
    },
  };
}

/** Until the event loop has done what is due. */
const turn = async () => {
  for (let step = 0; step < 3; step += 1) await new Promise(setImmediate);
};

async function outcomes(batches: FairBatches<string, string>) {
  const results = await Promise.allSettled(['one', 'bad', 'two'].map((item) => batches.execute(item, item)));
  return results.map(({ status }) => status);
}

describe('FairBatches', () => {
  it('starts no other batch beside one until that has run for a while', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const now = mock.method(performance, 'now', () => 0);
    const { started, add, end, endLast } = start({ concurrency: 2, staggerMs: 100 });
    const results = [add('a1')];
    await turn();
    results.push(add('b1'));
    await turn();
    expect(started).toEqual(['a1']);
    now.mock.mockImplementation(() => 100);
    mock.timers.tick(100);
    await turn();
    expect(started).toEqual(['a1', 'b1']);
    // The first one hangs: the others follow each other at once.
    results.push(add('c1'));
    await endLast();
    expect(started).toEqual(['a1', 'b1', 'c1']);
    await end();
    results.push(add('d1'));
    await turn();
    expect(started).toEqual(['a1', 'b1', 'c1']);
    await end();
    expect(started).toEqual(['a1', 'b1', 'c1', 'd1']);
    await end();
    expect(await Promise.all(results)).toEqual(['A1', 'B1', 'C1', 'D1']);
    mock.timers.reset();
    mock.restoreAll();
  });

  it('starts with a single item, and takes together all that come before it has ended', async () => {
    const { started, add, end } = start();
    const first = add('a1');
    await turn();
    expect(started).toEqual(['a1']);
    const others = ['b1', 'c1', 'd1'].map((item) => add(item));
    await turn();
    expect(started).toEqual(['a1']);
    await end();
    expect(started).toEqual(['a1', 'b1 c1 d1']);
    await end();
    expect(await Promise.all([first, ...others])).toEqual(['A1', 'B1', 'C1', 'D1']);
  });

  it('takes together what comes in one turn of the event loop', async () => {
    const { started, add, end } = start();
    const results = ['a1', 'b1'].map((item) => add(item));
    await turn();
    await end();
    await Promise.all(results);
    expect(started).toEqual(['a1 b1']);
  });

  it('lets keys take turns, and never works on two items of a key at a time', async () => {
    const { started, add, end } = start({ concurrency: 2 });
    const results = ['a1', 'a2', 'a3', 'b1'].map((item) => add(item));
    await turn();
    expect(started).toEqual(['a1 b1']);
    results.push(add('c1'), add('b2'));
    await turn();
    expect(started).toEqual(['a1 b1', 'c1']);
    await end();
    expect(started).toEqual(['a1 b1', 'c1', 'a2 b2']);
    await end();
    await end();
    await end();
    await Promise.all(results);
    expect(started).toEqual(['a1 b1', 'c1', 'a2 b2', 'a3']);
  });

  it('runs no more and no larger batches than it may', async () => {
    const { started, add, end } = start({ concurrency: 2, batchSize: 2 });
    const results = ['a1', 'b1', 'c1', 'd1', 'e1'].map((item) => add(item));
    await turn();
    expect(started).toEqual(['a1 b1', 'c1 d1']);
    await end();
    await end();
    await end();
    await Promise.all(results);
    expect(started).toEqual(['a1 b1', 'c1 d1', 'e1']);
  });

  it('rejects items that have no place, or whose batch does not start in time', async () => {
    const full = start({ maxWaiting: 1 });
    const results = Promise.allSettled([full.add('a1'), full.add('a2')]);
    await turn();
    await full.end();
    expect((await results)[1]).toMatchObject({ reason: expect.any(BulkheadFullError) as unknown });

    mock.timers.enable({ apis: ['setTimeout'] });
    const slow = start({ patienceMs: 20 });
    const first = slow.add('a1');
    await turn();
    const second = slow.add('b1');
    mock.timers.tick(20);
    mock.timers.reset();
    await expect(second).rejects.toThrow(BulkheadFullError);
    await slow.end();
    expect([await first, slow.started]).toEqual(['A1', ['a1']]);
  });

  describe('when the work fails', () => {
    const tried: string[] = [];
    const failing = (mayConcernOne: boolean) =>
      new FairBatches<string, string>(
        (items) => {
          tried.push(items.join(' '));
          return items.includes('bad') ? Promise.reject(new Error('bad')) : Promise.resolve([...items]);
        },
        { ...OPTIONS, mayConcernOne: () => mayConcernOne },
      );
    beforeEach(() => tried.splice(0));

    it('tries each item alone, since one may be the reason', async () => {
      expect(await outcomes(failing(true))).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(tried).toEqual(['one bad two', 'one', 'bad', 'two']);
    });

    it('does not keep others waiting for the one that is tried alone', async () => {
      const never = new Promise<string[]>(() => undefined);
      const batches = new FairBatches<string, string>((items) => {
        if (!items.includes('bad')) return Promise.resolve([...items]);
        return items.length > 1 ? Promise.reject(new Error('bad')) : never;
      }, OPTIONS);
      const bad = batches.execute('bad', 'bad');
      const others = ['one', 'two'].map((item) => batches.execute(item, item));
      expect(await Promise.all(others)).toEqual(['one', 'two']);
      expect(await batches.execute('three', 'three')).toBe('three');
      expect(await Promise.race([bad, Promise.resolve('still tried')])).toBe('still tried');
    });

    it('rejects all where that is impossible, and goes on', async () => {
      const batches = failing(false);
      expect(await outcomes(batches)).toEqual(['rejected', 'rejected', 'rejected']);
      expect(tried).toEqual(['one bad two']);
      expect(await batches.execute('one', 'one')).toBe('one');
    });
  });

  it('works in the context of none of its items', async () => {
    const context = new AsyncLocalStorage<string>();
    const batches = new FairBatches<string, string | undefined>(
      (items) => Promise.resolve(items.map(() => context.getStore())),
      OPTIONS,
    );
    const seen = await context.run('request', async () => [
      await batches.execute('a', 'a'),
      context.getStore(),
    ]);
    expect(seen).toEqual([undefined, 'request']);
  });
});
