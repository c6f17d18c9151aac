import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { respondCached } from '../cache/cache-headers.js';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { NoCache } from '../cache/no-cache.decorator.js';
import { ApiCached, CACHED_HEADERS } from '../cache/api-cached.decorator.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { accountNotFound } from '../problem/problem-catalogue.js';
import { AccountDto, ExternalUserDto } from './account.dto.js';
import { AnswerCounters } from './answer-counters.js';
import { AccountsService, KIGO_PROBLEMS } from './accounts.service.js';

@ApiTags('Kigo')
@Controller('api/v1/accounts')
export class AccountsController {
  constructor(
    private readonly accounts: AccountsService,
    private readonly answers: AnswerCounters,
  ) {}

  @Get()
  @RequireScope('kigo:read')
  @ApiOperation({
    summary: 'The Kigo account of a user',
    description: 'Kigo’s id for your ids of the user and the program.',
    operationId: 'findAccount',
  })
  @ApiCached()
  @ApiOkResponse({
    description: 'The account',
    type: AccountDto,
    example: { account_id: 'acc_ebb985857d0c94bdee6c' },
    headers: CACHED_HEADERS,
  })
  @ApiProblems('validation', ...KIGO_PROBLEMS)
  async find(
    @Query() user: ExternalUserDto,
    @NoCache() noCache: boolean,
    @Req() { caller }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AccountDto> {
    const account = await this.answers.count('account', this.accounts.find(user, { noCache, caller }));
    return { account_id: respondCached(reply, account, accountNotFound) };
  }
}
