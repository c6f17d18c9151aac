import { Logger } from '@nestjs/common';
import { createMemoryStore } from '../../src/cache/tiered-cache.js';
import { Database } from '../../src/database/database.js';
import { sha256Key } from '../../src/database/text-columns.js';
import { PromisedRewardsService } from '../../src/promised-rewards/promised-rewards.service.js';
import type { PromisedReward } from '../../src/promised-rewards/promised-rewards.service.js';
import { readThroughOn, TEXT_POLICY } from '../support/cache.js';

/** A key as those of Kigo are. */
function keyOf(index: number): string {
  return `rewards-gateway:kigo:0123456789abcdef:account:v2:${sha256Key(String(index))}`;
}

describe('the cache in memory', () => {
  it('has at most 40,000 values and drops the least recently used', async () => {
    const store = createMemoryStore();
    const bounded = readThroughOn(store);
    const size = () => (store.store as Map<string, unknown>).size;
    for (let index = 0; index < 100_000; index += 1) {
      await bounded.get(`key-${index}`, TEXT_POLICY, () => Promise.resolve('answer'));
      if (index % 10_000 === 0)
        await bounded.get('in use', TEXT_POLICY, () => Promise.resolve(`from ${index}`));
    }
    expect(size()).toBeLessThanOrEqual(40_000);
    expect((await bounded.get('in use', TEXT_POLICY, () => Promise.resolve('anew'))).value).toBe('from 0');
    expect((await bounded.get('key-0', TEXT_POLICY, () => Promise.resolve('anew'))).value).toBe('anew');
  });

  it('has at most 28 MiB of the longest ids', async () => {
    const store = createMemoryStore();
    const bounded = readThroughOn(store);
    const longest = '\u{1F600}'.repeat(256);
    for (let index = 0; index < 30_000; index += 1)
      await bounded.get(keyOf(index), TEXT_POLICY, () => Promise.resolve(longest));
    const kept = (store.store as Map<string, unknown>).size;
    const bytesOfOne = Buffer.byteLength(longest, 'utf16le') + keyOf(0).length;
    expect(kept * bytesOfOne).toBeLessThanOrEqual(28 * 1024 * 1024);
    expect(kept).toBeGreaterThan(15_000);
  });
});

/** A service whose database is not available. */
function duringOutage(): PromisedRewardsService {
  return new PromisedRewardsService(
    new Database({ server: 'postgresql://127.0.0.1:9/none', timeoutMs: 100 }),
  );
}

function rewardOf(text: string): PromisedReward {
  return {
    ids: [
      { id: `test_${text}`, kind: 'view_id_prefix' },
      { id: text, kind: 'view_id' },
    ],
    momentId: text,
    user: { id: text, kiipId: text },
    quantity: '100',
    isTest: false,
    currencyReward: { rewardId: text, virtualValue: '100' },
  };
}

describe('the promises of an outage', () => {
  beforeAll(() => Logger.overrideLogger(false));

  it.each([
    ['10,000 of usual size', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 10_000, 10_000],
    ['16 MiB of those with the longest ids', '\u{1F600}'.repeat(256), 2_000, 5_000],
  ])('are kept in memory: %s', async (_, id, atLeast, atMost) => {
    const service = duringOutage();
    const reward = rewardOf(id);
    for (let count = 0; count < atMost + 100; count += 1) await service.store(reward);
    const { stored, delayed, dropped } = service.outcomes();
    const kept = delayed - dropped;
    expect(stored).toBe(0);
    expect(kept).toBeGreaterThanOrEqual(atLeast);
    expect(kept).toBeLessThanOrEqual(atMost);
    expect(kept * Buffer.byteLength(id, 'utf16le') * 6).toBeLessThanOrEqual(16 * 1024 * 1024);
    await service.beforeApplicationShutdown();
  });
});
