import { Injectable, Logger } from '@nestjs/common';
import { Database } from '../database/database.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import { sanitizeText } from '../database/text-columns.js';
import { isRecord } from './reward.js';

export interface RewardedMoment {
  readonly rewardId: string;
  readonly momentId: string;
  readonly userId: string;
  readonly virtualValue: string;
}

/** Rewards with a currency that Kiip has given for moments: a callback is to come of each that is redeemed. */
@Injectable()
export class RewardedMomentsService {
  private readonly logger = new Logger('PromisedRewards');

  constructor(private readonly database: Database) {}

  /** Takes note. The reward has been given whether or not this succeeds, so it never fails. */
  async record({ rewardId, momentId, userId, virtualValue }: RewardedMoment): Promise<void> {
    try {
      await this.database.run((db) =>
        db
          .insertInto('kiip_rewarded_moments')
          .values({
            reward_id: sanitizeText(rewardId),
            moment_id: sanitizeText(momentId),
            user_id: sanitizeText(userId),
            virtual_value: sanitizeText(virtualValue),
            rewarded_at: new Date(),
          })
          .onConflict((conflict) => conflict.doNothing())
          .execute(),
      );
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      this.logger.warn({ msg: 'failed to record rewarded moment', reason: error.message });
    }
  }
}

const MAX_ID_LENGTH = 256;

/**
 * Reads what a moment's answer promises. `view.virtual.virtual_value` is known from a production client alone
 * (upstreams.md 4.3): a number there, so any number or text counts.
 * @returns the reward's id and the value as text; undefined where there is no currency
 */
export function extractCurrencyReward(answer: Readonly<Record<string, unknown>>) {
  const view = isRecord(answer['view']) ? answer['view'] : {};
  const virtual = isRecord(view['virtual']) ? view['virtual'] : {};
  const rewardId = view['id'];
  const value = virtual['virtual_value'];
  if (typeof rewardId !== 'string' || rewardId === '' || rewardId.length > MAX_ID_LENGTH) return undefined;
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return { rewardId, virtualValue: String(value).slice(0, MAX_ID_LENGTH) };
}
