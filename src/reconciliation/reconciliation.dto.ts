import { ApiProperty } from '@nestjs/swagger';
import { IsInstant } from '../validation/instant.js';
import type { LedgerWindow } from '../ledger/ledger-window.js';
import type { LedgerTotals, UnmatchedReward } from './reconciliation.service.js';

export class ReconciliationQueryDto {
  /** Callbacks that entered the ledger, and rewards that were given, at this time or later. */
  @IsInstant('2026-01-31T00:00:00Z')
  readonly from!: string;

  /** And before this time. */
  @IsInstant('2026-02-01T00:00:00Z')
  readonly to!: string;
}

/** A moment that Kiip rewarded with a currency, and of which no callback has come: redeemed never, or lost on its way. */
export class UnmatchedRewardDto {
  /** @example '5473ca54-59a5-cf65-d319-c91697297fcc' */
  readonly reward_id!: string;
  /** @example 'CgkIraKVsdIBEAIQEA' */
  readonly moment_id!: string;
  /** @example 'user-123' */
  readonly user_id!: string;
  /**
   * As Kiip said it.
   * @example '20'
   */
  readonly virtual_value!: string;
  /** @example '2026-01-31T12:00:00.000Z' */
  readonly rewarded_at!: string;
}

/** `accepted` = `delivered` + `pending` + `dead` + `quarantined` + `discarded`, and `missing` is zero. */
export class ReconciliationDto {
  /** @example '2026-01-31T00:00:00.000Z' */
  readonly from!: string;
  /** @example '2026-02-01T00:00:00.000Z' */
  readonly to!: string;
  /**
   * Callbacks that were answered 200, repeats not counted.
   * @example 1200
   */
  readonly accepted!: number;
  /**
   * To every consumer that there was when the row was accepted, or that a replay has brought it.
   * @example 1190
   */
  readonly delivered!: number;
  /**
   * Waiting for at least one consumer; or there is none yet.
   * @example 7
   */
  readonly pending!: number;
  /**
   * Refused by at least one consumer for three days.
   * @example 1
   */
  readonly dead!: number;
  /** @example 2 */
  readonly quarantined!: number;
  /** @example 0 */
  readonly discarded!: number;
  /**
   * Neither of these: lost. Never anything but zero.
   * @example 0
   */
  readonly missing!: number;
  /** At most a thousand, oldest first. */
  @ApiProperty({ type: [UnmatchedRewardDto] })
  readonly rewards_without_callback!: UnmatchedRewardDto[];
}

export function toReconciliationDto(
  { from, to }: LedgerWindow,
  counts: LedgerTotals,
  promises: readonly UnmatchedReward[],
): ReconciliationDto {
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    ...counts,
    rewards_without_callback: promises.map(({ rewardId, momentId, userId, virtualValue, promisedAt }) => ({
      reward_id: rewardId,
      moment_id: momentId,
      user_id: userId,
      virtual_value: virtualValue,
      rewarded_at: promisedAt.toISOString(),
    })),
  };
}
