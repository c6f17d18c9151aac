import { Logger } from '@nestjs/common';
import { Database } from '../../../src/database/database.js';
import { PromisedRewardsService } from '../../../src/promised-rewards/promised-rewards.service.js';
import type { PromisedReward } from '../../../src/promised-rewards/promised-rewards.service.js';

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
