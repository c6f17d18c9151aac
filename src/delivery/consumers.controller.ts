import { Body, Controller, Get, HttpCode, Logger, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { DECISION_BODY, DecisionDto } from '../audit/decision.dto.js';
import { FromRequester } from '../caller-auth/requester.decorator.js';
import type { Requester } from '../caller-auth/requester.decorator.js';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { invalid } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import {
  ConsumerDto,
  ConsumerParamsDto,
  ConsumersDto,
  TestResultDto,
  toConsumerDto,
  toTestResultDto,
} from './consumers.dto.js';
import { ConsumersService } from './consumers.service.js';
import { CONSUMER_EXAMPLE, PAUSED_CONSUMER_EXAMPLE, TEST_RESULT_EXAMPLE } from './delivery-examples.js';

const CONSUMER_NOT_FOUND = Problem.of('not-found', 'DELIVERY_CONSUMERS has no consumer of this name.', {
  retryable: false,
});
const CONSUMER_PROBLEMS = [
  { InvalidName: invalid('/name', 'name must have at most 256 characters') },
  'unauthenticated',
  'storage-unavailable',
  { ConsumerNotFound: CONSUMER_NOT_FOUND },
] as const;

@ApiTags('Deliveries')
@Controller('api/v1/deliveries/consumers')
export class ConsumersController {
  private readonly logger = new Logger('Delivery');

  constructor(private readonly consumers: ConsumersService) {}

  @Get()
  @RequireScope('deliveries:manage')
  @ApiOperation({
    summary: 'List the consumers, and whether they are paused',
    description: 'The consumers themselves are configured in DELIVERY_CONSUMERS.',
    operationId: 'listConsumers',
  })
  @ApiOkResponse({
    description: 'All consumers',
    type: ConsumersDto,
    example: { items: [PAUSED_CONSUMER_EXAMPLE] },
  })
  @ApiProblems('unauthenticated', 'storage-unavailable')
  async list(): Promise<ConsumersDto> {
    return { items: (await this.consumers.list()).map(toConsumerDto) };
  }

  @Post(':name/pause')
  @RequireScope('deliveries:manage')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Pause the deliveries to a consumer',
    description:
      'Its deliveries and replays wait until it is resumed, whatever its URL. Attempts in flight end, and every replica obeys from its next look at the queue, within about a second. A consumer that a caller has paused already stays as it is.',
    operationId: 'pauseConsumer',
  })
  @ApiBody(DECISION_BODY)
  @ApiOkResponse({ description: 'The consumer', type: ConsumerDto, example: PAUSED_CONSUMER_EXAMPLE })
  @ApiProblems(...CONSUMER_PROBLEMS, 413, 415)
  async pause(
    @Param() { name }: ConsumerParamsDto,
    @Body() { reason }: DecisionDto,
    @FromRequester() requester: Requester,
  ): Promise<ConsumerDto> {
    this.requireConsumer(name);
    const consumer = await this.consumers.pause(name, { ...requester, reason });
    this.logger.log({ msg: 'consumer paused', consumer: name, caller: requester.caller });
    return toConsumerDto(consumer);
  }

  @Post(':name/resume')
  @RequireScope('deliveries:manage')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Resume the deliveries to a consumer',
    description: 'Ends a pause by a caller as well as one after a 410.',
    operationId: 'resumeConsumer',
  })
  @ApiBody(DECISION_BODY)
  @ApiOkResponse({ description: 'The consumer', type: ConsumerDto, example: CONSUMER_EXAMPLE })
  @ApiProblems(...CONSUMER_PROBLEMS, 413, 415)
  async resume(
    @Param() { name }: ConsumerParamsDto,
    @Body() { reason }: DecisionDto,
    @FromRequester() requester: Requester,
  ): Promise<ConsumerDto> {
    this.requireConsumer(name);
    const consumer = await this.consumers.resume(name, { ...requester, reason });
    this.logger.log({ msg: 'consumer resumed', consumer: name, caller: requester.caller });
    return toConsumerDto(consumer);
  }

  @Post(':name/test')
  @RequireScope('deliveries:manage')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Send a test event to a consumer',
    description:
      'One request with the type `gateway.test`, signed as every other, also while the consumer is paused. It is sent by the process that answers, in at most 10 s, is not sent again, and is neither in the ledger nor among the deliveries. The status is 200 whatever the consumer answers.',
    operationId: 'testConsumer',
  })
  @ApiOkResponse({
    description: 'What the consumer answered',
    type: TestResultDto,
    example: TEST_RESULT_EXAMPLE,
  })
  @ApiProblems(...CONSUMER_PROBLEMS)
  async test(@Param() { name }: ConsumerParamsDto): Promise<TestResultDto> {
    this.requireConsumer(name);
    return toTestResultDto(await this.consumers.sendTest(name));
  }

  /** @throws Problem `not-found` */
  private requireConsumer(name: string): void {
    if (!this.consumers.has(name)) throw CONSUMER_NOT_FOUND;
  }
}
