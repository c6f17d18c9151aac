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

/** Moments that Kiip has rewarded with a virtual currency. Kiip sends a callback for each reward that is redeemed. */
@Injectable()
export class RewardedMomentsService {
  private readonly logger = new Logger('RewardedMomentsService');

  constructor(private readonly database: Database) {}

  /** Stores a rewarded moment. Kiip has given the reward whether or not this succeeds, so an unavailable database is only logged. */
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
 * Reads the virtual currency in the response to a moment. `view.virtual.virtual_value` is not documented: a production client
 * gets a number there (docs/vendors/kiip.md, 4), so a number or a string is accepted.
 * @returns the id of the reward and the value as a string; undefined without a currency
 */
export function extractCurrencyReward(response: Readonly<Record<string, unknown>>) {
  const view = isRecord(response['view']) ? response['view'] : {};
  const virtual = isRecord(view['virtual']) ? view['virtual'] : {};
  const rewardId = view['id'];
  const value = virtual['virtual_value'];
  if (typeof rewardId !== 'string' || rewardId === '' || rewardId.length > MAX_ID_LENGTH) return undefined;
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return { rewardId, virtualValue: String(value).slice(0, MAX_ID_LENGTH) };
}
