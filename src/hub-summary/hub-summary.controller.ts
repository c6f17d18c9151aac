import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ExternalUserDto } from '../accounts/account.dto.js';
import { AnswerCounters } from '../accounts/answer-counters.js';
import { KIGO_PROBLEMS } from '../accounts/accounts.service.js';
import { cacheHeaders, respondCached, worstOf } from '../cache/cache-headers.js';
import type { CacheTimes } from '../cache/cache-headers.js';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { NoCache } from '../cache/no-cache.decorator.js';
import { ApiCached, CACHED_HEADERS } from '../cache/api-cached.decorator.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { accountNotFound, invalid } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import {
  AccountParamsDto,
  CountRefreshDto,
  HubSummaryDto,
  UnviewedCountDto,
  UnviewedCountsDto,
  UnviewedCountsRequestDto,
  MAX_BATCH_USERS,
} from './hub-summary.dto.js';
import { CountRefreshService } from './count-refresh.service.js';
import { HubSummaryService } from './hub-summary.service.js';
import { UnviewedCountsService } from './unviewed-counts.service.js';

function countUsers(body: unknown): number {
  const { users } = (body ?? {}) as Partial<UnviewedCountsRequestDto>;
  return Array.isArray(users) ? Math.min(MAX_BATCH_USERS, Math.max(1, users.length)) : 1;
}

const TWO_USERS = {
  two_users: {
    value: {
      users: [
        { external_user_id: 'user123', external_program_id: 'program456' },
        { external_user_id: 'nobody', external_program_id: 'program456' },
      ],
    },
  },
};
const NO_USER_ID = invalid('/users/0/external_user_id', 'external_user_id is required');

@ApiTags('Kigo')
@Controller()
export class HubSummaryController {
  constructor(
    private readonly summaries: HubSummaryService,
    private readonly counts: UnviewedCountsService,
    private readonly refreshes: CountRefreshService,
    private readonly answers: AnswerCounters,
  ) {}

  @Get('api/user/unviewed-count')
  @RequireScope('kigo:read', { direct: true })
  @ApiOperation({
    summary: 'How many tokens a user has not yet viewed',
    description:
      'The number for a notification badge. It may come from the cache: see `Age` and `Cache-Status`.',
    operationId: 'getUnviewedCount',
  })
  @ApiCached()
  @ApiOkResponse({
    description: 'The count',
    type: UnviewedCountDto,
    example: { count: 12 },
    headers: CACHED_HEADERS,
  })
  @ApiProblems('validation', ...KIGO_PROBLEMS)
  async unviewedCount(
    @Query() user: ExternalUserDto,
    @NoCache() noCache: boolean,
    @Req() { caller }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UnviewedCountDto> {
    const count = await this.answers.count(
      'unviewed-count',
      this.summaries.findCount(user, { noCache, caller }),
    );
    return { count: respondCached(reply, count, accountNotFound) };
  }

  @Post('api/v1/unviewed-counts')
  @RequireScope('kigo:read', { countUnits: countUsers })
  @HttpCode(200)
  @ApiOperation({
    summary: 'The unviewed counts of up to 100 users',
    description:
      'Results have the order of the request. Kigo is asked once for each user, and the call counts as many times for the rate limit as it has users. A user whose count is not available gets a `problem` instead of a count; the other users are not affected.',
    operationId: 'batchGetUnviewedCounts',
  })
  @ApiBody({ type: UnviewedCountsRequestDto, examples: TWO_USERS })
  @ApiCached()
  @ApiOkResponse({
    description: 'A count, or a problem, for each user',
    type: UnviewedCountsDto,
    example: {
      results: [
        { external_user_id: 'user123', external_program_id: 'program456', count: 12 },
        {
          external_user_id: 'nobody',
          external_program_id: 'program456',
          problem: accountNotFound().body('checkout-4711'),
        },
      ],
    },
    headers: CACHED_HEADERS,
  })
  @ApiProblems({ MissingUserId: NO_USER_ID }, 'unauthenticated', 413, 415)
  async unviewedCounts(
    @Body() { users }: UnviewedCountsRequestDto,
    @NoCache() noCache: boolean,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UnviewedCountsDto> {
    const results = await this.counts.findCounts(users, noCache, request.caller);
    const now = performance.now();
    const uncached = { provenance: 'miss', asOf: Date.now(), requestedAt: now, freshUntil: now } as const;
    const times: CacheTimes[] = results.map(({ count }) => (count instanceof Problem ? uncached : count));
    reply.headers(cacheHeaders(times.reduce(worstOf)));
    return {
      results: results.map(({ user: { external_user_id, external_program_id }, count }) => {
        const ids = { external_user_id, external_program_id };
        if (count instanceof Problem) return { ...ids, problem: count.body(request.id) };
        if (count.value === undefined) return { ...ids, problem: accountNotFound().body(request.id) };
        return { ...ids, count: count.value };
      }),
    };
  }

  @Post('api/v1/unviewed-counts/refresh')
  @RequireScope('kigo:read', { countUnits: countUsers })
  @HttpCode(202)
  @ApiOperation({
    summary: 'Refresh the cached counts of up to 100 users',
    description:
      'For users who have just looked at their tokens, or were given some. Kigo is asked in the background, at most once in 5 s for each user: a call within these 5 s is served at their end. While Kigo fails, the cached count stays. The call counts for the rate limit as many times as it has users.',
    operationId: 'refreshUnviewedCounts',
  })
  @ApiBody({ type: UnviewedCountsRequestDto, examples: TWO_USERS })
  @ApiAcceptedResponse({
    description: 'The counts will be refreshed',
    type: CountRefreshDto,
    example: { accepted: 2 },
  })
  @ApiProblems({ MissingUserId: NO_USER_ID }, 'unauthenticated', 413, 415, 'upstream-busy')
  refreshCounts(
    @Body() { users }: UnviewedCountsRequestDto,
    @Req() { caller }: FastifyRequest,
  ): CountRefreshDto {
    return { accepted: this.refreshes.accept(users, caller) };
  }

  @Get('api/v1/accounts/:account_id/hub-summary')
  @RequireScope('kigo:read')
  @ApiOperation({
    summary: 'The hub summary of an account',
    description:
      'What Kigo knows of the account, from the cache if it is fresh. `stale` is true while Kigo fails.',
    operationId: 'getHubSummary',
  })
  @ApiCached()
  @ApiOkResponse({
    description: 'The summary',
    type: HubSummaryDto,
    example: {
      account_id: 'acc_ebb985857d0c94bdee6c',
      unviewed_products: 12,
      total_tokens: 34,
      as_of: '2026-01-31T12:00:00.000Z',
      stale: false,
    },
    headers: CACHED_HEADERS,
  })
  @ApiProblems(
    { InvalidAccountId: invalid('/account_id', 'account_id must have at most 256 characters') },
    ...KIGO_PROBLEMS,
  )
  async hubSummary(
    @Param() { account_id }: AccountParamsDto,
    @NoCache() noCache: boolean,
    @Req() { caller }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HubSummaryDto> {
    const summary = await this.answers.count(
      'hub-summary',
      this.summaries.find(account_id, { noCache, caller }),
    );
    const { unviewed_products, total_tokens } = respondCached(reply, summary, accountNotFound);
    const as_of = new Date(summary.asOf).toISOString();
    return { account_id, unviewed_products, total_tokens, as_of, stale: summary.provenance === 'stale' };
  }
}
