import { Body, Controller, Get, HttpCode, Logger, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { DECISION_BODY, DecisionDto } from '../audit/decision.dto.js';
import { FromRequester } from '../caller-auth/requester.decorator.js';
import type { Requester } from '../caller-auth/requester.decorator.js';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { feedRestarted, invalid } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import {
  DeliveriesDto,
  DeliveriesQueryDto,
  DeliveryDto,
  DeliveryHistoryDto,
  DeliveryParamsDto,
  parseDeliveryCursor,
  parseDeliveryId,
  toDeliveryDto,
  toDeliveryHistoryDto,
} from './deliveries.dto.js';
import { DeliveriesService } from './deliveries.service.js';
import { DELIVERY_EXAMPLE, DELIVERY_HISTORY_EXAMPLE } from './delivery-examples.js';

const COMMON_PROBLEMS = ['unauthenticated', 'storage-unavailable'] as const;
const DELIVERY_NOT_FOUND = Problem.of('not-found', 'Delivery not found.', { retryable: false });
const CONSUMER_NOT_CONFIGURED = Problem.of(
  'conflict',
  'The consumer of this delivery is no longer in DELIVERY_CONSUMERS.',
  {
    retryable: false,
  },
);

@ApiTags('Deliveries')
@Controller('api/v1/deliveries')
export class DeliveriesController {
  private readonly logger = new Logger('Delivery');

  constructor(private readonly deliveries: DeliveriesService) {}

  @Get()
  @RequireScope('deliveries:manage')
  @ApiOperation({
    summary: 'List deliveries',
    description:
      'To continue, send the `next` of a page as `after`, also later for deliveries that are new then. `410` means that the database was restored to a time before the cursor.',
    operationId: 'listDeliveries',
  })
  @ApiOkResponse({
    description: 'A page of deliveries',
    type: DeliveriesDto,
    example: { items: [DELIVERY_EXAMPLE], next: 'dlv_17-334455aa' },
  })
  @ApiProblems(
    { InvalidLimit: invalid('/limit', 'limit must not be greater than 500') },
    ...COMMON_PROBLEMS,
    'feed-restarted',
  )
  async list(
    @Query() { consumer, status, issuance_id, after, order, limit }: DeliveriesQueryDto,
  ): Promise<DeliveriesDto> {
    const cursor = after === undefined ? undefined : parseDeliveryCursor(after);
    const query = { consumer, status, issuanceId: issuance_id, after: cursor, order, limit };
    const page = await this.deliveries.list(query);
    if (page === 'restarted') throw feedRestarted();
    return { items: page.items.map(toDeliveryDto), next: page.next ?? after ?? 'dlv_0' };
  }

  @Get(':id')
  @RequireScope('deliveries:manage')
  @ApiOperation({
    summary: 'Get a delivery with its attempts',
    description: 'What the consumer answered each time, and how long it took.',
    operationId: 'getDelivery',
  })
  @ApiOkResponse({
    description: 'The delivery',
    type: DeliveryHistoryDto,
    example: DELIVERY_HISTORY_EXAMPLE,
  })
  @ApiProblems({ InvalidId: invalid('/id', 'id must have at most 256 characters') }, ...COMMON_PROBLEMS, {
    DeliveryNotFound: DELIVERY_NOT_FOUND,
  })
  async get(@Param() { id }: DeliveryParamsDto): Promise<DeliveryHistoryDto> {
    const number = parseDeliveryId(id);
    const delivery = number === undefined ? undefined : await this.deliveries.find(number);
    if (!delivery) throw DELIVERY_NOT_FOUND;
    return toDeliveryHistoryDto(delivery);
  }

  @Post(':id/retry')
  @RequireScope('deliveries:manage')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Retry a delivery now',
    description:
      'Works for every status: a dead delivery is retried for three more days, and a delivered one is sent again. The `webhook-id` stays the same. If the consumer is paused after a 410, the pause ends; if a caller has paused it, the delivery waits.',
    operationId: 'retryDelivery',
  })
  @ApiBody(DECISION_BODY)
  @ApiAcceptedResponse({
    description: 'The delivery is due',
    type: DeliveryDto,
    example: { ...DELIVERY_EXAMPLE, status: 'pending', next_attempt_at: '2026-02-03T12:00:00.000Z' },
  })
  @ApiProblems(
    { InvalidId: invalid('/id', 'id must have at most 256 characters') },
    ...COMMON_PROBLEMS,
    { DeliveryNotFound: DELIVERY_NOT_FOUND, ConsumerNotConfigured: CONSUMER_NOT_CONFIGURED },
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
}
