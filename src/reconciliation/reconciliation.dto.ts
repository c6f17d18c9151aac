import { ApiProperty } from '@nestjs/swagger';
import { IsInstant } from '../validation/instant.js';
import type { LedgerWindow } from '../ledger/ledger-window.js';
import type { LedgerTotals } from './reconciliation.service.js';
import type { Reward } from './rewards.queries.js';

export class ReconciliationQueryDto {
  /** Only callbacks that entered the ledger, and rewards that Kiip gave, at this time or later. */
  @IsInstant('2026-01-31T00:00:00Z')
  readonly from!: string;

  /** And before this time. */
  @IsInstant('2026-02-01T00:00:00Z')
  readonly to!: string;
}

/** A moment that Kiip rewarded with a currency. */
export class UnmatchedRewardDto {
  /** @example '5473ca54-59a5-cf65-d319-c91697297fcc' */
  readonly reward_id!: string;
  /** @example 'CgkIraKVsdIBEAIQEA' */
  readonly moment_id!: string;
  /** @example 'user-123' */
  readonly user_id!: string;
  /**
   * As received from Kiip.
   * @example '20'
   */
  readonly virtual_value!: string;
  /** @example '2026-01-31T12:00:00.000Z' */
  readonly rewarded_at!: string;
}

/** `accepted` = `delivered` + `pending` + `dead` + `quarantined` + `discarded` + `missing`, and `missing` must be 0. */
export class ReconciliationDto {
  /** @example '2026-01-31T00:00:00.000Z' */
  readonly from!: string;
  /** @example '2026-02-01T00:00:00.000Z' */
  readonly to!: string;
  /**
   * Callbacks that were answered 200, without duplicates.
   * @example 1200
   */
  readonly accepted!: number;
  /**
   * Delivered to every consumer that was configured when the row was accepted, and to those of replays.
   * @example 1190
   */
  readonly delivered!: number;
  /**
   * Waiting for at least one consumer, or for the first consumer to be configured.
   * @example 7
   */
  readonly pending!: number;
  /**
   * Not accepted by at least one consumer within three days.
   * @example 1
   */
  readonly dead!: number;
  /** @example 2 */
  readonly quarantined!: number;
  /** @example 0 */
  readonly discarded!: number;
  /**
   * In none of these states: lost. Must be 0.
   * @example 0
   */
  readonly missing!: number;
  /** Those without a callback: not redeemed, or the callback was lost. At most 1,000, oldest first. */
  @ApiProperty({ type: [UnmatchedRewardDto] })
  readonly rewards_without_callback!: UnmatchedRewardDto[];
}

export function toReconciliationDto(
  { from, to }: LedgerWindow,
  totals: LedgerTotals,
  rewards: readonly Reward[],
): ReconciliationDto {
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    ...totals,
    rewards_without_callback: rewards.map(toRewardDto),
  };
}

export function toRewardDto({
  rewardId,
  momentId,
  userId,
  virtualValue,
  rewardedAt,
}: Reward): UnmatchedRewardDto {
  return {
    reward_id: rewardId,
    moment_id: momentId,
    user_id: userId,
    virtual_value: virtualValue,
    rewarded_at: rewardedAt.toISOString(),
  };
}
