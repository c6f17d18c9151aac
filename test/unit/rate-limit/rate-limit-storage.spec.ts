import { RedisStore } from '../../../src/cache/redis-store.js';
import type { CounterValue } from '../../../src/cache/redis-store.js';
import { RateLimitStorage } from '../../../src/rate-limit/rate-limit-storage.js';

/** Counts one call more than the limit allows. */
async function exceed(storage: RateLimitStorage, limit: number) {
  const records = [];
  for (let call = 0; call <= limit; call += 1) records.push(await storage.increment('key', 60_000, limit));
  return records;
}

describe('RateLimitStorage', () => {
  // 350 and 1,999 are not multiples of the hundredth that is reserved at a time.
  it.each([1, 2, 99, 100, 350, 1_999])('allows %d calls and blocks the next one', async (limit) => {
    const records = await exceed(new RateLimitStorage(new RedisStore(), 'test'), limit);
    expect(records.map(({ isBlocked }) => isBlocked)).toEqual([...Array<boolean>(limit).fill(false), true]);
    expect(records.map(({ totalHits }) => totalHits)).toEqual([
      ...Array.from({ length: limit }, (_, index) => index + 1),
      limit,
    ]);
  });

  it('allows only the calls that other replicas have left', async () => {
    let total = 340;
    const storage = new RateLimitStorage(
      {
        add: (_, amount) => Promise.resolve({ total: (total += amount), remainingMs: 30_000 }),
      },
      'test',
    );
    const records = await exceed(storage, 350);
    expect(records.filter(({ isBlocked }) => !isBlocked)).toHaveLength(10);
    expect(records.at(-1)).toMatchObject({ totalHits: 350, timeToExpire: 30, timeToBlockExpire: 30 });
  });

  it('corrects the count with late replies, which neither lower it nor extend the window', async () => {
    const late: ((counter: CounterValue) => void)[] = [];
    const storage = new RateLimitStorage(
      {
        add: (_key, _amount, _ttlMs, onLateReply) => {
          late.push(onLateReply!);
          return Promise.resolve(undefined);
        },
      },
      'test',
    );
    const increment = () => storage.increment('key', 60_000, 500);
    expect(await increment()).toMatchObject({ isBlocked: false, totalHits: 1 });
    // The other replicas reserved 300 calls before, and 196 before the next.
    late[0]!({ total: 305, remainingMs: 30_000 });
    expect(await increment()).toMatchObject({ isBlocked: false, totalHits: 302, timeToExpire: 30 });
    for (let call = 3; call <= 5; call += 1) await increment();
    expect(await increment()).toMatchObject({ isBlocked: false, totalHits: 306 });
    late[1]!({ total: 506, remainingMs: 20_000 });
    late[0]!({ total: 1, remainingMs: 60_000 });
    for (let call = 7; call <= 10; call += 1) expect(await increment()).toMatchObject({ isBlocked: false });
    expect(await increment()).toMatchObject({ isBlocked: true, totalHits: 500, timeToExpire: 20 });
    expect(late).toHaveLength(2);
  });
});
