import { mock } from 'node:test';
import type { ReadThrough } from '../../../src/cache/read-through.js';
import type { CachePolicy } from '../../../src/cache/cache-entry.js';
import { createMemoryStore } from '../../../src/cache/tiered-cache.js';
import { readThroughOn, TEXT_POLICY } from '../../support/cache.js';
import { passSeconds, restoreClock } from '../../support/clock.js';

class Unavailable extends Error {}

const kind: CachePolicy<string> = {
  ...TEXT_POLICY,
  isUnavailable: (error) => error instanceof Unavailable,
};

const noCache = { noCache: true };

describe('ReadThrough', () => {
  let cache: ReadThrough;

  beforeEach(() => {
    cache = readThroughOn(createMemoryStore());
  });

  afterEach(() => {
    restoreClock();
    mock.restoreAll();
  });

  it('keeps the newer value when an older response arrives late', async () => {
    passSeconds(0);
    const older = new Source();
    const late = cache.get('key', kind, older.ask);
    await older.asked;
    passSeconds(1);
    const newer = await cache.get('key', kind, () => Promise.resolve('newer'), noCache);
    expect(newer.value).toBe('newer');
    older.answer('older');
    expect((await late).value).toBe('older');
    expect(await cache.get('key', kind, neverAsked)).toMatchObject({ value: 'newer', provenance: 'hit' });
  });

  it('sends its own request for no-cache while another is in flight, and later callers share it', async () => {
    const [first, second] = [new Source(), new Source()];
    const before = cache.get('key', kind, first.ask);
    await first.asked;
    const anew = cache.get('key', kind, second.ask, noCache);
    const joined = cache.get('key', kind, neverAsked);
    second.answer('second');
    expect((await anew).value).toBe('second');
    expect((await joined).value).toBe('second');
    first.answer('first');
    expect((await before).value).toBe('first');
  });

  it('sends a new request after a failed one', async () => {
    await expect(cache.get('key', kind, () => Promise.reject(new Unavailable()))).rejects.toThrow(
      Unavailable,
    );
    expect((await cache.get('key', kind, () => Promise.resolve('answer'))).value).toBe('answer');
  });

  it('serves a stale value when the source is unavailable, but not for other errors', async () => {
    await cache.get('key', kind, () => Promise.resolve('old'));
    passSeconds(200);
    const unknown = await cache.get('key', kind, () => Promise.reject(new Unavailable()));
    expect(unknown).toMatchObject({ value: 'old', provenance: 'stale' });
    const bug = cache.get('key', kind, () => Promise.reject(new TypeError('a bug')));
    await expect(bug).rejects.toThrow(TypeError);
  });

  it('serves a stale value to callers that joined a failing no-cache request, whose sender gets the error', async () => {
    await cache.get('key', kind, () => Promise.resolve('old'));
    passSeconds(200);
    const failing = new Source();
    const anew = cache.get('key', kind, failing.ask, noCache);
    const caught = anew.catch((error: unknown) => error);
    const joined = cache.get('key', kind, neverAsked);
    await new Promise(setImmediate);
    failing.fail(new Unavailable());
    expect(await caught).toBeInstanceOf(Unavailable);
    expect(await joined).toMatchObject({ value: 'old', provenance: 'stale' });
  });

  it.each([
    // A tenth of the 90 to 100 s that an entry lives, and -ln(1 - 0.8) = 1.6 times as long as the request took.
    ['quick', 0, 11, 8],
    ['slow', 10, 27, 24],
    ['so slow that half of its life is the limit', 35, 51, 44],
  ])('refreshes an entry earlier when the source is slow: %s', async (_, tookSeconds, notYet, due) => {
    mock.method(Math, 'random', () => 0.8);
    passSeconds(0);
    const { freshUntil } = await cache.get('key', kind, () => {
      passSeconds(tookSeconds);
      return Promise.resolve('old');
    });
    for (const secondsLeft of [notYet, due]) {
      passSeconds((freshUntil - performance.now()) / 1_000 - secondsLeft);
      const refresh = mock.fn(() => Promise.resolve('new'));
      await cache.get('key', kind, refresh);
      await new Promise(setImmediate);
      expect(refresh.mock.callCount()).toBe(secondsLeft === due ? 1 : 0);
    }
  });

  it('validates cached values with the policy of the reader', async () => {
    await cache.get('key', kind, () => Promise.resolve('text'));
    const numbers: CachePolicy<number> = { ...kind, isValue: (value) => typeof value === 'number' };
    expect((await cache.get('key', numbers, () => Promise.resolve(7))).value).toBe(7);
  });
});

/** A source that responds when the test tells it to. */
class Source {
  private readonly request = Promise.withResolvers<void>();
  private readonly reply = Promise.withResolvers<string>();
  readonly asked = this.request.promise;
  readonly answer = this.reply.resolve;
  readonly fail = this.reply.reject;
  readonly ask = (): Promise<string> => {
    this.request.resolve();
    return this.reply.promise;
  };
}

function neverAsked(): Promise<never> {
  throw new Error('asked the source');
}
