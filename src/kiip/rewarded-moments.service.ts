import { Injectable, Logger } from '@nestjs/common';
import { Database } from '../database/database.js';
import { StorageUnavailable } from '../database/storage-error.js';
import { storable } from '../database/text-columns.js';
import { isMembers } from './reward.js';

export interface PromisedReward {
  readonly rewardId: string;
  readonly momentId: string;
  readonly userId: string;
  readonly virtualValue: string;
}

/** Rewards with a currency that Kiip has given for moments: a callback is to come of each that is redeemed. */
@Injectable()
export class PromisedRewards {
  private readonly logger = new Logger('PromisedRewards');

  constructor(private readonly database: Database) {}

  /** Takes note. The reward has been given whether or not this succeeds, so it never fails. */
  async note({ rewardId, momentId, userId, virtualValue }: PromisedReward): Promise<void> {
    try {
      await this.database.run((db) =>
        db
          .insertInto('kiip_rewarded_moments')
          .values({
            reward_id: storable(rewardId),
            moment_id: storable(momentId),
            user_id: storable(userId),
            virtual_value: storable(virtualValue),
            rewarded_at: new Date(),
          })
          .onConflict((conflict) => conflict.doNothing())
          .execute(),
      );
    } catch (error) {
      if (!(error instanceof StorageUnavailable)) throw error;
      this.logger.warn({ msg: 'failed to record rewarded moment', reason: error.message });
    }
  }
}

const longestId = 256;

/**
 * Reads what a moment's answer promises. `view.virtual.virtual_value` is known from a production client alone
 * (upstreams.md 4.3): a number there, so any number or text counts.
 * @returns the reward's id and the value as text; undefined where there is no currency
 */
export function promiseOf(answer: Readonly<Record<string, unknown>>) {
  const view = isMembers(answer['view']) ? answer['view'] : {};
  const virtual = isMembers(view['virtual']) ? view['virtual'] : {};
  const rewardId = view['id'];
  const value = virtual['virtual_value'];
  if (typeof rewardId !== 'string' || rewardId === '' || rewardId.length > longestId) return undefined;
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return { rewardId, virtualValue: String(value).slice(0, longestId) };
}
