import { createCache } from 'cache-manager';
import { TieredCache } from '../../../src/cache/tiered-cache.js';
import { ReadThrough } from '../../../src/cache/read-through.js';
import type { CachePolicy } from '../../../src/cache/read-through.js';
import { createMemoryStore } from '../../../src/cache/tiered-cache.js';
import { seal, TEXT_POLICY } from '../../support/cache.js';
import { passSeconds, restoreClock } from '../../support/clock.js';

class Unavailable extends Error {}

const kind: CachePolicy<string> = {
  ...TEXT_POLICY,
  isUnavailable: (error) => error instanceof Unavailable,
};

describe('ReadThrough', () => {
  let layers: TieredCache;
  let cache: ReadThrough;

  beforeEach(() => {
    layers = new TieredCache(createCache({ stores: [createMemoryStore()] }), seal);
    cache = new ReadThrough(layers);
  });

  afterEach(restoreClock);

  it('keeps the newer value when an older response arrives late', async () => {
    passSeconds(0);
    const older = new Source();
    const late = cache.get('key', kind, older.ask);
    await older.asked;
    passSeconds(1);
    const newer = await cache.get('key', kind, () => Promise.resolve('newer'), true);
    expect(newer.value).toBe('newer');
    older.answer('older');
    expect((await late).value).toBe('older');
    expect(await cache.get('key', kind, neverAsked)).toMatchObject({ value: 'newer', provenance: 'hit' });
  });

  it('sends its own request for no-cache while another is in flight, and later callers share it', async () => {
    const [first, second] = [new Source(), new Source()];
    const before = cache.get('key', kind, first.ask);
    await first.asked;
    const anew = cache.get('key', kind, second.ask, true);
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
    const anew = cache.get('key', kind, failing.ask, true);
    const caught = anew.catch((error: unknown) => error);
    const joined = cache.get('key', kind, neverAsked);
    await new Promise(setImmediate);
    failing.fail(new Unavailable());
    expect(await caught).toBeInstanceOf(Unavailable);
    expect(await joined).toMatchObject({ value: 'old', provenance: 'stale' });
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
