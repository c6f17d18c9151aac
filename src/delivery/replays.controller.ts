import { Body, Controller, Get, HttpCode, Logger, Param, Post, Query, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { DECISION_BODY, DecisionDto } from '../audit/decision.dto.js';
import { FromRequester } from '../caller-auth/requester.decorator.js';
import type { Requester } from '../caller-auth/requester.decorator.js';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { toLedgerWindow } from '../ledger/ledger-window.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { invalid } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import { ConsumersService } from './consumers.service.js';
import { REPLAY_EXAMPLE, REPLAY_REQUEST_EXAMPLES } from './delivery-examples.js';
import {
  ReplayDto,
  ReplayParamsDto,
  ReplayPreviewDto,
  ReplayRequestDto,
  ReplayStartedDto,
  ReplaysDto,
  ReplaysQueryDto,
  toReplayDto,
} from './replays.dto.js';
import { ReplaysService } from './replays.service.js';
import type { ReplayChange } from './replays.service.js';

const COMMON_PROBLEMS = ['unauthenticated', 'storage-unavailable'] as const;
const REPLAY_NOT_FOUND = Problem.of('not-found', 'Replay not found.', { retryable: false });
const REPLAY_ENDED = Problem.of('conflict', 'The replay has finished or was cancelled.', {
  retryable: false,
});
const REPLAY_PROBLEMS = [
  { InvalidReplayId: invalid('/id', 'id must be the id of a replay') },
  ...COMMON_PROBLEMS,
  { ReplayNotFound: REPLAY_NOT_FOUND },
] as const;

@ApiTags('Deliveries')
@Controller('api/v1/deliveries/replays')
export class ReplaysController {
  private readonly logger = new Logger('Delivery');

  constructor(
    private readonly replays: ReplaysService,
    private readonly consumers: ConsumersService,
  ) {}

  @Post()
  @RequireScope('deliveries:manage')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Replay the entries of a time window to a consumer',
    description:
      'Sends the accepted entries again under the same `webhook-id`s at the given rate, and continues after restarts. With `dry_run`, the entries are only counted and the status is 200. If the consumer is paused after a 410, the pause ends; if a caller has paused it, the replay waits.',
    operationId: 'createReplay',
  })
  @ApiBody({
    type: ReplayRequestDto,
    examples: REPLAY_REQUEST_EXAMPLES,
  })
  @ApiOkResponse({
    description: 'A dry run: nothing is sent',
    type: ReplayPreviewDto,
    example: { id: null, count: 1200 },
  })
  @ApiAcceptedResponse({
    description: 'The replay has started',
    type: ReplayStartedDto,
    example: { id: REPLAY_EXAMPLE.id, count: REPLAY_EXAMPLE.count },
  })
  @ApiProblems(
    { InvalidConsumer: invalid('/consumer', 'consumer must be one of DELIVERY_CONSUMERS') },
    ...COMMON_PROBLEMS,
    413,
    415,
  )
  async start(
    @Body() { consumer, from, to, dry_run, rate_per_second, reason }: ReplayRequestDto,
    @Res({ passthrough: true }) reply: FastifyReply,
    @FromRequester() requester: Requester,
  ): Promise<ReplayStartedDto | ReplayPreviewDto> {
    if (!this.consumers.has(consumer))
      throw invalid('/consumer', 'consumer must be one of DELIVERY_CONSUMERS');
    const window = toLedgerWindow(from, to);
    if (dry_run) {
      reply.code(200);
      return { id: null, count: await this.replays.count(window) };
    }
    const replay = await this.replays.start({
      consumer,
      window,
      ratePerSecond: rate_per_second,
      requester: { ...requester, reason },
    });
    this.logger.log({ msg: 'replay started', id: replay.id, consumer, caller: requester.caller });
    return { id: replay.id, count: replay.totalCount };
  }

  @Get()
  @RequireScope('deliveries:manage')
  @ApiOperation({
    summary: 'List replays, newest first',
    description: 'To continue, send the `next` of a page as `after`, until it is null.',
    operationId: 'listReplays',
  })
  @ApiOkResponse({
    description: 'A page of replays',
    type: ReplaysDto,
    example: { items: [REPLAY_EXAMPLE], next: null },
  })
  @ApiProblems({ InvalidLimit: invalid('/limit', 'limit must not be greater than 500') }, ...COMMON_PROBLEMS)
  async list(@Query() { after, limit }: ReplaysQueryDto): Promise<ReplaysDto> {
    const items = (await this.replays.list(limit, after)).map(toReplayDto);
    return { items, next: items.length < limit ? null : items.at(-1)!.id };
  }

  @Get(':id')
  @RequireScope('deliveries:manage')
  @ApiOperation({
    summary: 'Get the progress of a replay',
    description: '`done` of `count` rows have become due.',
    operationId: 'getReplay',
  })
  @ApiOkResponse({ description: 'The replay', type: ReplayDto, example: REPLAY_EXAMPLE })
  @ApiProblems(...REPLAY_PROBLEMS)
  async get(@Param() { id }: ReplayParamsDto): Promise<ReplayDto> {
    const replay = await this.replays.find(id);
    if (!replay) throw REPLAY_NOT_FOUND;
    return toReplayDto(replay);
  }

  @Post(':id/pause')
  @RequireScope('deliveries:manage')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Pause a replay',
    description:
      'Nothing further becomes due until it is resumed. What has become due (`done`) is still sent.',
    operationId: 'pauseReplay',
  })
  @ApiBody(DECISION_BODY)
  @ApiOkResponse({
    description: 'The replay',
    type: ReplayDto,
    example: { ...REPLAY_EXAMPLE, status: 'paused' },
  })
  @ApiProblems(...REPLAY_PROBLEMS, { ReplayEnded: REPLAY_ENDED }, 413, 415)
  pause(
    @Param() { id }: ReplayParamsDto,
    @Body() { reason }: DecisionDto,
    @FromRequester() requester: Requester,
  ): Promise<ReplayDto> {
    return this.change(id, 'pause', requester, reason);
  }

  @Post(':id/resume')
  @RequireScope('deliveries:manage')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Resume a paused replay',
    description: 'It continues after the last row that has become due.',
    operationId: 'resumeReplay',
  })
  @ApiBody(DECISION_BODY)
  @ApiOkResponse({
    description: 'The replay',
    type: ReplayDto,
    example: { ...REPLAY_EXAMPLE, status: 'running' },
  })
  @ApiProblems(...REPLAY_PROBLEMS, { ReplayEnded: REPLAY_ENDED }, 413, 415)
  resume(
    @Param() { id }: ReplayParamsDto,
    @Body() { reason }: DecisionDto,
    @FromRequester() requester: Requester,
  ): Promise<ReplayDto> {
    return this.change(id, 'resume', requester, reason);
  }

  @Post(':id/cancel')
  @RequireScope('deliveries:manage')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Cancel a replay for good',
    description: 'Nothing further becomes due. What has become due (`done`) is still sent.',
    operationId: 'cancelReplay',
  })
  @ApiBody(DECISION_BODY)
  @ApiOkResponse({
    description: 'The replay',
    type: ReplayDto,
    example: { ...REPLAY_EXAMPLE, status: 'cancelled', finished_at: '2026-02-02T08:05:00.000Z' },
  })
  @ApiProblems(...REPLAY_PROBLEMS, { ReplayEnded: REPLAY_ENDED }, 413, 415)
  cancel(
    @Param() { id }: ReplayParamsDto,
    @Body() { reason }: DecisionDto,
    @FromRequester() requester: Requester,
  ): Promise<ReplayDto> {
    return this.change(id, 'cancel', requester, reason);
  }

  private async change(
    id: string,
    change: ReplayChange,
    requester: Requester,
    reason: string | undefined,
  ): Promise<ReplayDto> {
    const replay = await this.replays.change(id, change, { ...requester, reason });
    if (replay === 'not-found') throw REPLAY_NOT_FOUND;
    if (replay === 'conflict') throw REPLAY_ENDED;
    this.logger.log({ msg: `replay ${replay.status}`, id, caller: requester.caller });
    return toReplayDto(replay);
  }
}
