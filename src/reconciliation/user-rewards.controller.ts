import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { INVALID_USER_ID } from '../ledger/issuances.dto.js';
import { RECONCILIATION_EXAMPLE } from './reconciliation-examples.js';
import { ReconciliationService } from './reconciliation.service.js';
import { UserRewardsDto, UserRewardsParamsDto, toUserRewardDto } from './user-rewards.dto.js';

/** Serves what moments promised to a user. It is not in ledger/ because the ledger does not know the moments. */
@ApiTags('Kiip ledger')
@Controller('api/v1/kiip/users')
export class UserRewardsController {
  constructor(private readonly reconciliation: ReconciliationService) {}

  @Get(':user_id/rewards')
  @RequireScope('ledger:read')
  @ApiOperation({
    summary: 'List the last rewards of a user, newest first',
    description: 'What moments promised, and whether the callback has arrived.',
    operationId: 'listUserRewards',
  })
  @ApiOkResponse({
    description: 'The rewards',
    type: UserRewardsDto,
    example: { items: [{ ...RECONCILIATION_EXAMPLE.rewards_without_callback[0], issuance_id: null }] },
  })
  @ApiProblems({ InvalidUserId: INVALID_USER_ID }, 'unauthenticated', 'storage-unavailable')
  async list(@Param() { user_id }: UserRewardsParamsDto): Promise<UserRewardsDto> {
    return { items: (await this.reconciliation.findUserRewards(user_id)).map(toUserRewardDto) };
  }
}
