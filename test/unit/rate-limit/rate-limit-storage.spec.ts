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
});
