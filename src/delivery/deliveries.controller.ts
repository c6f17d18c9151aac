import { Body, Controller, Get, HttpCode, Logger, Param, Post, Query, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { DECISION_BODY, DecisionDto } from '../audit/decision.dto.js';
import { FromRequester } from '../caller-auth/requester.decorator.js';
import type { Requester } from '../caller-auth/requester.decorator.js';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { Config } from '../config/config.js';
import { toLedgerWindow } from '../ledger/ledger-window.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { invalid } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import {
  DeliveriesDto,
  DeliveriesQueryDto,
  DeliveryDto,
  DeliveryParamsDto,
  ReplayDto,
  ReplayParamsDto,
  ReplayRequestDto,
  ReplayStartedDto,
  parseDeliveryId,
  toDeliveryDto,
  toReplayDto,
} from './deliveries.dto.js';
import { DeliveriesService } from './deliveries.service.js';
import { DELIVERY_EXAMPLE, REPLAY_EXAMPLE, REPLAY_REQUEST_EXAMPLES } from './delivery-examples.js';
import { ReplaysService } from './replays.service.js';

const COMMON_PROBLEMS = ['unauthenticated', 'storage-unavailable'] as const;
const DELIVERY_NOT_FOUND = Problem.of('not-found', 'Delivery not found.', { retryable: false });
const CONSUMER_NOT_CONFIGURED = Problem.of(
  'conflict',
  'The consumer of this delivery is no longer in DELIVERY_CONSUMERS.',
  {
    retryable: false,
  },
);
const REPLAY_NOT_FOUND = Problem.of('not-found', 'Replay not found.', { retryable: false });

@ApiTags('Deliveries')
@Controller('api/v1/deliveries')
export class DeliveriesController {
  private readonly logger = new Logger('Delivery');

  constructor(
    private readonly deliveries: DeliveriesService,
    private readonly replays: ReplaysService,
    private readonly config: Config,
  ) {}

  @Get()
  @RequireScope('deliveries:manage')
  @ApiOperation({ summary: 'List deliveries, oldest first', operationId: 'listDeliveries' })
  @ApiOkResponse({
    description: 'A page of deliveries',
    type: DeliveriesDto,
    example: { items: [DELIVERY_EXAMPLE], next: 'dlv_17' },
  })
  @ApiProblems(invalid('/limit', 'limit must not be greater than 500'), ...COMMON_PROBLEMS)
  async list(
    @Query() { consumer, status, after = 'dlv_0', limit }: DeliveriesQueryDto,
  ): Promise<DeliveriesDto> {
    const items = await this.deliveries.list({ consumer, status, after: parseDeliveryId(after)!, limit });
    const page = items.map(toDeliveryDto);
    return { items: page, next: page.at(-1)?.id ?? after };
  }

  @Post(':id/retry')
  @RequireScope('deliveries:manage')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Retry a delivery now',
    description:
      'Works for every status: a dead delivery is retried for three more days, and a delivered one is sent again. The `webhook-id` stays the same. If the consumer is paused after a 410, the pause ends.',
    operationId: 'retryDelivery',
  })
  @ApiBody(DECISION_BODY)
  @ApiAcceptedResponse({
    description: 'The delivery is due',
    type: DeliveryDto,
    example: { ...DELIVERY_EXAMPLE, status: 'pending', next_attempt_at: '2026-02-03T12:00:00.000Z' },
  })
  @ApiProblems(
    invalid('/id', 'id must have at most 256 characters'),
    ...COMMON_PROBLEMS,
    DELIVERY_NOT_FOUND,
    CONSUMER_NOT_CONFIGURED,
    413,
    415,
  )
  async retry(
    @Param() { id }: DeliveryParamsDto,
    @Body() { reason }: DecisionDto,
    @FromRequester() requester: Requester,
  ): Promise<DeliveryDto> {
    const number = parseDeliveryId(id);
    const delivery =
      number === undefined ? 'not-found' : await this.deliveries.retry(number, { ...requester, reason });
    if (delivery === 'not-found') throw DELIVERY_NOT_FOUND;
    if (delivery === 'no-consumer') throw CONSUMER_NOT_CONFIGURED;
    this.logger.log({ msg: 'delivery retried', id, consumer: delivery.consumer, caller: requester.caller });
    return toDeliveryDto(delivery);
  }

  @Post('replays')
  @RequireScope('deliveries:manage')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Replay the entries of a time window to a consumer',
    description:
      'Sends the accepted entries again under the same `webhook-id`s at the given rate, and continues after restarts. With `dry_run`, the entries are only counted and the status is 200. If the consumer is paused after a 410, the pause ends.',
    operationId: 'createReplay',
  })
  @ApiBody({
    type: ReplayRequestDto,
    examples: REPLAY_REQUEST_EXAMPLES,
  })
  @ApiOkResponse({
    description: 'A dry run: nothing is sent',
    type: ReplayStartedDto,
    example: { id: null, count: 1200 },
  })
  @ApiAcceptedResponse({
    description: 'The replay has started',
    type: ReplayStartedDto,
    example: { id: REPLAY_EXAMPLE.id, count: REPLAY_EXAMPLE.count },
  })
  @ApiProblems(
    invalid('/consumer', 'consumer must be one of DELIVERY_CONSUMERS'),
    ...COMMON_PROBLEMS,
    413,
    415,
  )
  async startReplay(
    @Body() { consumer, from, to, dry_run, rate_per_second, reason }: ReplayRequestDto,
    @Res({ passthrough: true }) reply: FastifyReply,
    @FromRequester() requester: Requester,
  ): Promise<ReplayStartedDto> {
    if (!this.config.deliveryConsumers?.some(({ name }) => name === consumer))
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

  @Get('replays/:id')
  @RequireScope('deliveries:manage')
  @ApiOperation({ summary: 'Get the progress of a replay', operationId: 'getReplay' })
  @ApiOkResponse({ description: 'The replay', type: ReplayDto, example: REPLAY_EXAMPLE })
  @ApiProblems(invalid('/id', 'id must be the id of a replay'), ...COMMON_PROBLEMS, REPLAY_NOT_FOUND)
  async getReplay(@Param() { id }: ReplayParamsDto): Promise<ReplayDto> {
    const replay = await this.replays.find(id);
    if (!replay) throw REPLAY_NOT_FOUND;
    return toReplayDto(replay);
  }
}
