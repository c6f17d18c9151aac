import { Controller, HttpCode, Post, Req, UseFilters, UseGuards, applyDecorators } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Public } from '../caller-auth/public.decorator.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { Problem } from '../problem/problem.js';
import { CallbackIntakeService } from './callback-intake.service.js';
import { CallbackProblemFilter } from './callback-problem.filter.js';
import { CALLBACK_RESULT, SpooledCallbackDto, StoredCallbackDto } from './kiip-callbacks.dto.js';
import type { CallbackResultDto } from './kiip-callbacks.dto.js';
import { KiipSignatureGuard } from './kiip-signature.guard.js';
import type { ReceivedCallback } from './verified-callback.js';
import { Verified } from './verified.decorator.js';

const REDEMPTION_EXAMPLE = {
  content: '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab',
  name: 'Coins',
  quantity: 20,
  user_id: 'user-123',
  transaction_id: '5473ca54-59a5-cf65-d319-c91697297fcc',
  signature: '4b0175324fc792e92f9b6024f43bf6545bb4c478',
};
const { name: _, ...common } = REDEMPTION_EXAMPLE;
const ISSUANCE_EXAMPLE = {
  ...common,
  nonce: 'n-0001',
  origin: 'survey',
  signature: '3392d14d59913b113d26919e2ed1960907b77931',
};

const RESULT_RESPONSE = {
  description: 'The callback is committed, or was before, or is in the spool: Kiip need not send it again',
  content: {
    'application/json': {
      schema: CALLBACK_RESULT,
      examples: {
        recorded: { value: { status: 'recorded', id: 'iss_0190c1d2e3f4000000112233445566aa' } },
        spooled: { value: { status: 'spooled' } },
      },
    },
  },
};
const INVALID_CALLBACK = Problem.of('validation', 'user_id is given twice.', { retryable: false });

function ApiCallback(
  operationId: string,
  summary: string,
  examples: Record<string, object>,
): MethodDecorator {
  return applyDecorators(
    ApiOperation({
      operationId,
      summary,
      description: 'As JSON or as a form. The fields decide what it is, whatever the path.',
    }),
    ApiConsumes('application/json', 'application/x-www-form-urlencoded'),
    ApiBody({
      schema: { type: 'object', additionalProperties: true },
      examples: Object.fromEntries(Object.entries(examples).map(([kind, value]) => [kind, { value }])),
    }),
    ApiProblems(
      { InvalidCallback: INVALID_CALLBACK },
      'callback-signature',
      413,
      415,
      'rate-limited',
      'storage-unavailable',
    ),
  );
}

/** Kiip sends its callbacks here. The signature is the credential, and decides what a callback is: the route is only a hint. */
@Public('callback')
@UseGuards(KiipSignatureGuard)
// A filter also counts the failures of the guard.
@UseFilters(CallbackProblemFilter)
@ApiTags('Kiip callbacks')
@ApiExtraModels(StoredCallbackDto, SpooledCallbackDto)
@Controller('callbacks/kiip')
export class KiipCallbacksController {
  constructor(private readonly intake: CallbackIntakeService) {}

  @Post()
  @HttpCode(200)
  @ApiOkResponse(RESULT_RESPONSE)
  @ApiCallback('receiveKiipCallback', 'A redemption or an issuance: its fields tell which', {
    redemption: REDEMPTION_EXAMPLE,
    issuance: ISSUANCE_EXAMPLE,
  })
  receive(
    @Verified() received: ReceivedCallback,
    @Req() request: FastifyRequest,
  ): Promise<CallbackResultDto> {
    return this.accept(received, request);
  }

  @Post('redemptions')
  @HttpCode(200)
  @ApiOkResponse(RESULT_RESPONSE)
  @ApiCallback('receiveKiipRedemption', 'A redemption of a reward, signed by Kiip', {
    redemption: REDEMPTION_EXAMPLE,
  })
  redemption(
    @Verified() received: ReceivedCallback,
    @Req() request: FastifyRequest,
  ): Promise<CallbackResultDto> {
    return this.accept(received, request);
  }

  @Post('issuances')
  @HttpCode(200)
  @ApiOkResponse(RESULT_RESPONSE)
  @ApiCallback('receiveKiipIssuance', 'An issuance of a currency after the reward, signed by Kiip', {
    issuance: ISSUANCE_EXAMPLE,
  })
  issuance(
    @Verified() received: ReceivedCallback,
    @Req() request: FastifyRequest,
  ): Promise<CallbackResultDto> {
    return this.accept(received, request);
  }

  private async accept(received: ReceivedCallback, request: FastifyRequest): Promise<CallbackResultDto> {
    const result = await this.intake.accept(received);
    if ('id' in result) request.ledgerId = result.id;
    return result;
  }
}
