import { RedisCounters } from '../../../src/cache/redis-counters.js';
import { RateLimitStorage } from '../../../src/rate-limit/rate-limit-storage.js';

/** Asks for one call more than the limit allows. */
async function ask(storage: RateLimitStorage, limit: number) {
  const answers = [];
  for (let call = 0; call <= limit; call += 1) answers.push(await storage.increment('key', 60_000, limit));
  return answers;
}

describe('a limit', () => {
  // 350 and 1,999 are no multiples of the hundredth that is taken at a time.
  it.each([1, 2, 99, 100, 350, 1_999])('of %d lets so many calls through and no more', async (limit) => {
    const answers = await ask(new RateLimitStorage(new RedisCounters(undefined)), limit);
    expect(answers.map(({ isBlocked }) => isBlocked)).toEqual([...Array<boolean>(limit).fill(false), true]);
    expect(answers.map(({ totalHits }) => totalHits)).toEqual([
      ...Array.from({ length: limit }, (_, index) => index + 1),
      limit,
    ]);
  });

  it('is that of the whole fleet, of which another replica may have taken the most', async () => {
    let total = 340;
    const counters = new RedisCounters({
      count: (_, count) => Promise.resolve({ total: (total += count), leftMs: 30_000 }),
    });
    const answers = await ask(new RateLimitStorage(counters), 350);
    expect(answers.filter(({ isBlocked }) => !isBlocked)).toHaveLength(10);
    expect(answers.at(-1)).toMatchObject({ totalHits: 350, timeToExpire: 30, timeToBlockExpire: 30 });
  });

  it('is corrected by late replies, which neither lower the count nor prolong the window', async () => {
    const late: ((counted: { total: number; leftMs: number }) => void)[] = [];
    const counters = new RedisCounters({
      count: (_key, _count, _lifeMs, onLate) => {
        late.push(onLate);
        return Promise.resolve(undefined);
      },
    });
    const storage = new RateLimitStorage(counters);
    const increment = () => storage.increment('key', 60_000, 500);
    expect(await increment()).toMatchObject({ isBlocked: false, totalHits: 1 });
    // The other replicas took 300 calls before, and 196 before the next.
    late[0]!({ total: 305, leftMs: 30_000 });
    expect(await increment()).toMatchObject({ isBlocked: false, totalHits: 302, timeToExpire: 30 });
    for (let call = 3; call <= 5; call += 1) await increment();
    expect(await increment()).toMatchObject({ isBlocked: false, totalHits: 306 });
    late[1]!({ total: 506, leftMs: 20_000 });
    late[0]!({ total: 1, leftMs: 60_000 });
    for (let call = 7; call <= 10; call += 1) expect(await increment()).toMatchObject({ isBlocked: false });
    expect(await increment()).toMatchObject({ isBlocked: true, totalHits: 500, timeToExpire: 20 });
    expect(late).toHaveLength(2);
  });
});
