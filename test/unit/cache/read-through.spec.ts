import { createCache } from 'cache-manager';
import { TieredCache } from '../../../src/cache/tiered-cache.js';
import { ReadThrough } from '../../../src/cache/read-through.js';
import type { CachePolicy } from '../../../src/cache/read-through.js';
import { createMemoryStore } from '../../../src/cache/tiered-cache.js';
import { passSeconds, restoreClock } from '../../support/clock.js';

class Unknown extends Error {}

const kind: CachePolicy<string> = {
  name: 'text',
  ttlMs: 100_000,
  staleMs: 1_000_000,
  notFoundTtlMs: 10_000,
  isValue: (value) => typeof value === 'string',
  isUnavailable: (error) => error instanceof Unknown,
};

describe('ReadThrough', () => {
  let layers: TieredCache;
  let cache: ReadThrough;

  beforeEach(() => {
    layers = new TieredCache(createCache({ stores: [createMemoryStore()] }));
    cache = new ReadThrough(layers);
  });

  afterEach(restoreClock);

  it('keeps the newer answer when an older one comes in late', async () => {
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

  it('starts a no-cache of its own while another flight is under way, which later callers join', async () => {
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

  it('forgets a failed flight', async () => {
    await expect(cache.get('key', kind, () => Promise.reject(new Unknown()))).rejects.toThrow(Unknown);
    expect((await cache.get('key', kind, () => Promise.resolve('answer'))).value).toBe('answer');
  });

  it('lets an old answer stand in for an unknown one, but not for a bug', async () => {
    await cache.get('key', kind, () => Promise.resolve('old'));
    passSeconds(200);
    const unknown = await cache.get('key', kind, () => Promise.reject(new Unknown()));
    expect(unknown).toMatchObject({ value: 'old', provenance: 'stale' });
    const bug = cache.get('key', kind, () => Promise.reject(new TypeError('a bug')));
    await expect(bug).rejects.toThrow(TypeError);
  });

  it('gives who joined a failing no-cache the answer that there is, and who sent it the error', async () => {
    await cache.get('key', kind, () => Promise.resolve('old'));
    passSeconds(200);
    const failing = new Source();
    const anew = cache.get('key', kind, failing.ask, true);
    const caught = anew.catch((error: unknown) => error);
    const joined = cache.get('key', kind, neverAsked);
    await new Promise(setImmediate);
    failing.fail(new Unknown());
    expect(await caught).toBeInstanceOf(Unknown);
    expect(await joined).toMatchObject({ value: 'old', provenance: 'stale' });
  });

  it('has each kind check what it reads', async () => {
    await cache.get('key', kind, () => Promise.resolve('text'));
    const numbers: CachePolicy<number> = { ...kind, isValue: (value) => typeof value === 'number' };
    expect((await cache.get('key', numbers, () => Promise.resolve(7))).value).toBe(7);
  });

  it('remembers at most 40,000 answers, and the ones in use longest', async () => {
    const store = createMemoryStore();
    const bounded = new ReadThrough(new TieredCache(createCache({ stores: [store] })));
    const size = () => (store.store as Map<string, unknown>).size;
    for (let index = 0; index < 100_000; index += 1) {
      await bounded.get(`key-${index}`, kind, () => Promise.resolve('answer'));
      if (index % 10_000 === 0) await bounded.get('in use', kind, () => Promise.resolve(`from ${index}`));
    }
    expect(size()).toBeLessThanOrEqual(40_000);
    expect((await bounded.get('in use', kind, neverAsked)).value).toBe('from 0');
    expect((await bounded.get('key-0', kind, () => Promise.resolve('anew'))).value).toBe('anew');
  });
});

/** A source that answers when the test says so. */
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
