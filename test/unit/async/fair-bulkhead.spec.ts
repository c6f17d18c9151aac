import { BulkheadFullError, FairBulkhead } from '../../../src/async/fair-bulkhead.js';

const never = new AbortController().signal;

/** Starts calls that end one after the other, and notes the order in which they start. */
function start(bulkhead: FairBulkhead, order: string[]) {
  const running: (() => void)[] = [];
  const call = (caller: string, signal = never) =>
    bulkhead.execute(
      caller,
      () =>
        new Promise<void>((resolve) => {
          order.push(caller);
          running.push(resolve);
        }),
      signal,
    );
  const endAll = async () => {
    for (let end = running.shift(); end; end = running.shift()) {
      end();
      await new Promise(setImmediate);
    }
  };
  return { call, endAll };
}

describe('FairBulkhead', () => {
  it('lets callers take turns, however many calls each has', async () => {
    const order: string[] = [];
    const { call, endAll } = start(new FairBulkhead(1, 100), order);
    const calls = 'aaaaabbc'.split('').map((caller) => call(caller));
    await endAll();
    await Promise.all(calls);
    expect(order.join('')).toBe('aabcabaa');
  });

  it('runs no more calls than it may at a time', async () => {
    const bulkhead = new FairBulkhead(3, 100);
    let running = 0;
    let most = 0;
    const work = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
    };
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => bulkhead.execute(`${index % 4}`, work, never)),
    );
    expect(most).toBe(3);
  });

  it('rejects a call of the caller that has most, when too many wait', async () => {
    const order: string[] = [];
    const { call, endAll } = start(new FairBulkhead(1, 4), order);
    const outcomes = Promise.allSettled('aaaaabca'.split('').map((caller) => call(caller)));
    await endAll();
    const rejected = (await outcomes).flatMap((outcome, index) =>
      outcome.status === 'rejected' ? [[index, outcome.reason instanceof BulkheadFullError]] : [],
    );
    expect(rejected).toEqual([
      [3, true],
      [4, true],
      [7, true],
    ]);
    expect(order.join('')).toBe('aabca');
  });

  it('forgets a call that is aborted while it waits, and keeps its place free after failures', async () => {
    const order: string[] = [];
    const bulkhead = new FairBulkhead(1, 100);
    const { call, endAll } = start(bulkhead, order);
    const first = call('a');
    const controller = new AbortController();
    const waiting = call('b', controller.signal);
    controller.abort();
    await expect(waiting).rejects.toThrow('aborted');
    await expect(call('b', AbortSignal.abort())).rejects.toThrow('aborted');
    await endAll();
    await first;
    await expect(bulkhead.execute('a', () => Promise.reject(new Error('failed')), never)).rejects.toThrow(
      'failed',
    );
    expect(await bulkhead.execute('a', () => Promise.resolve(1), never)).toBe(1);
    expect(order).toEqual(['a']);
  });
});
