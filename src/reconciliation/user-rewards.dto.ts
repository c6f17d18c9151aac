import { ApiProperty } from '@nestjs/swagger';
import { IsOpaqueId } from '../validation/opaque-id.js';
import { UnmatchedRewardDto, toRewardDto } from './reconciliation.dto.js';
import type { UserReward } from './rewards.queries.js';

export class UserRewardsParamsDto {
  @IsOpaqueId('user-123')
  readonly user_id!: string;
}

/** A reward with a currency, and whether its callback has arrived. */
export class UserRewardDto extends UnmatchedRewardDto {
  /** The ledger row of its callback; null if none has arrived. */
  @ApiProperty({ type: String, nullable: true, example: 'iss_0190c1d2e3f4000000112233445566aa' })
  readonly issuance_id!: string | null;
}

export class UserRewardsDto {
  /** Newest first, at most 100. */
  readonly items!: UserRewardDto[];
}

export function toUserRewardDto(reward: UserReward): UserRewardDto {
  return Object.assign(toRewardDto(reward), { issuance_id: reward.issuanceId });
}
