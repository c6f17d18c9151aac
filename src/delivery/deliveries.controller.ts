import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { Config } from '../config/config.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { invalid } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import { DeliveriesService } from './deliveries.service.js';
import {
  DeliveriesDto,
  DeliveriesQueryDto,
  DeliveryDto,
  DeliveryParamsDto,
  ReplayDto,
  ReplayRequestDto,
  ReplayParamsDto,
  ReplayStartedDto,
  toDeliveryDto,
  parseDeliveryId,
  toReplayDto,
} from './deliveries.dto.js';
import { windowOf } from '../ledger/ledger-window.js';
import { ReplaysService } from './replays.service.js';

const COMMON_PROBLEMS = ['unauthenticated', 'storage-unavailable'] as const;
const deliveryNotFound = Problem.of('not-found', 'There is no such delivery.', { retryable: false });
const consumerNotConfigured = Problem.of('conflict', 'Its consumer is no longer one of DELIVERY_CONSUMERS.', {
  retryable: false,
});
const replayNotFound = Problem.of('not-found', 'There is no such replay.', { retryable: false });

const delivery = {
  id: 'dlv_17',
  issuance_id: 'iss_0190c1d2e3f4000000112233445566aa',
  consumer: 'wallet',
  status: 'dead',
  attempts: 18,
  last_status: 503,
  next_attempt_at: null,
};
const order = { consumer: 'wallet', from: '2026-01-31T00:00:00Z', to: '2026-02-01T00:00:00Z' };
const replayId = '6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1';
const replay = {
  id: replayId,
  consumer: 'wallet',
  from: '2026-01-31T00:00:00.000Z',
  to: '2026-02-01T00:00:00.000Z',
  count: 1200,
  done: 400,
  created_at: '2026-02-02T08:00:00.000Z',
  finished_at: null,
};

/** Sees and steers what goes to the consumers. */
@ApiTags('Deliveries')
@Controller('api/v1/deliveries')
export class DeliveriesController {
  constructor(
    private readonly deliveries: DeliveriesService,
    private readonly replays: ReplaysService,
    private readonly config: Config,
  ) {}

  @Get()
  @RequireScope('deliveries:manage')
  @ApiOperation({ summary: 'The deliveries, oldest first', operationId: 'listDeliveries' })
  @ApiOkResponse({
    description: 'A page',
    type: DeliveriesDto,
    example: { items: [delivery], next: 'dlv_17' },
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
    summary: 'Send one delivery now',
    description:
      'Whatever its status: a dead one is tried for three days again, a delivered one goes out once more, always under the same `webhook-id`. Ends the pause of a consumer that had answered 410.',
    operationId: 'retryDelivery',
  })
  @ApiAcceptedResponse({
    description: 'It is due',
    type: DeliveryDto,
    example: { ...delivery, status: 'pending', next_attempt_at: '2026-02-03T12:00:00.000Z' },
  })
  @ApiProblems(
    invalid('/id', 'id must have at most 256 characters'),
    ...COMMON_PROBLEMS,
    deliveryNotFound,
    consumerNotConfigured,
    413,
    415,
  )
  async retry(@Param() { id }: DeliveryParamsDto): Promise<DeliveryDto> {
    const number = parseDeliveryId(id);
    const names = this.config.deliveryConsumers?.map(({ name }) => name) ?? [];
    const found = number === undefined ? 'not-found' : await this.deliveries.retry(number, names);
    if (found === 'not-found') throw deliveryNotFound;
    if (found === 'no-consumer') throw consumerNotConfigured;
    return toDeliveryDto(found);
  }

  @Post('replay')
  @RequireScope('deliveries:manage')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Send what was accepted in a window of time once more to one consumer',
    description:
      'Under the same `webhook-id`s, so many a second, also after restarts. With `dry_run` it is counted only: 200. Ends the pause of a consumer that had answered 410.',
    operationId: 'replayDeliveries',
  })
  @ApiBody({
    type: ReplayRequestDto,
    examples: {
      count: { value: { ...order, dry_run: true } },
      send: { value: { ...order, rate_per_second: 50 } },
    },
  })
  @ApiOkResponse({
    description: 'The dry run: nothing is sent',
    type: ReplayStartedDto,
    example: { id: null, count: 1200 },
  })
  @ApiAcceptedResponse({
    description: 'It has begun',
    type: ReplayStartedDto,
    example: { id: replayId, count: 1200 },
  })
  @ApiProblems(
    invalid('/consumer', 'consumer must be one of DELIVERY_CONSUMERS'),
    ...COMMON_PROBLEMS,
    413,
    415,
  )
  async startReplay(
    @Body() { consumer, from, to, dry_run, rate_per_second }: ReplayRequestDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ReplayStartedDto> {
    if (!this.config.deliveryConsumers?.some(({ name }) => name === consumer))
      throw invalid('/consumer', 'consumer must be one of DELIVERY_CONSUMERS');
    const window = windowOf(from, to);
    if (dry_run) {
      reply.code(200);
      return { id: null, count: await this.replays.count(window) };
    }
    const { id, totalCount: total } = await this.replays.start({
      consumer,
      window,
      ratePerSecond: rate_per_second,
    });
    return { id, count: total };
  }

  @Get('replays/:id')
  @RequireScope('deliveries:manage')
  @ApiOperation({ summary: 'How far a replay has come', operationId: 'getReplay' })
  @ApiOkResponse({ description: 'The replay', type: ReplayDto, example: replay })
  @ApiProblems(invalid('/id', 'id must be the id of a replay'), ...COMMON_PROBLEMS, replayNotFound)
  async getReplay(@Param() { id }: ReplayParamsDto): Promise<ReplayDto> {
    const found = await this.replays.find(id);
    if (!found) throw replayNotFound;
    return toReplayDto(found);
  }
}
