import { Controller, HttpCode, Post, Req, UseFilters, UseGuards, applyDecorators } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Public } from '../caller-auth/public.decorator.js';
import type { LedgerKind } from '../database/tables.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { Problem } from '../problem/problem.js';
import { CallbackProblemFilter } from './callback-problem.filter.js';
import { KiipCallbacksService } from './kiip-callbacks.service.js';
import { CallbackResultDto } from './kiip-callbacks.dto.js';
import { KiipSignatureGuard } from './kiip-signature.guard.js';

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
  description: 'Committed, or known already: Kiip need not send it again',
  type: CallbackResultDto,
  example: { status: 'recorded', id: 'iss_0190c1d2e3f4000000112233445566aa' },
};
const INVALID_CALLBACK = Problem.of('validation', 'user_id is given twice.', { retryable: false });

function ApiCallback(
  operationId: string,
  summary: string,
  examples: Record<string, object>,
): MethodDecorator {
  return applyDecorators(
    ApiOperation({ operationId, summary }),
    ApiConsumes('application/json', 'application/x-www-form-urlencoded'),
    ApiBody({
      schema: { type: 'object', additionalProperties: true },
      examples: Object.fromEntries(Object.entries(examples).map(([kind, value]) => [kind, { value }])),
    }),
    ApiProblems(INVALID_CALLBACK, 'callback-signature', 413, 415, 'rate-limited', 'storage-unavailable'),
  );
}

/** Where Kiip delivers. The signature is the credential. */
@Public('callback')
@UseGuards(KiipSignatureGuard)
// A filter, so that what the guard meets is counted as well.
@UseFilters(CallbackProblemFilter)
@ApiTags('Kiip callbacks')
@Controller('callbacks/kiip')
export class KiipCallbacksController {
  constructor(private readonly callbacks: KiipCallbacksService) {}

  @Post()
  @HttpCode(200)
  @ApiOkResponse(RESULT_RESPONSE)
  @ApiCallback('receiveKiipCallback', 'A redemption or an issuance, told apart by its members', {
    redemption: REDEMPTION_EXAMPLE,
    issuance: ISSUANCE_EXAMPLE,
  })
  either(@Req() request: FastifyRequest): Promise<CallbackResultDto> {
    return this.record(request);
  }

  @Post('redemptions')
  @HttpCode(200)
  @ApiOkResponse(RESULT_RESPONSE)
  @ApiCallback('receiveKiipRedemption', 'A redemption of a reward, signed by Kiip', {
    redemption: REDEMPTION_EXAMPLE,
  })
  redemption(@Req() request: FastifyRequest): Promise<CallbackResultDto> {
    return this.record(request, 'redemption');
  }

  @Post('issuances')
  @HttpCode(200)
  @ApiOkResponse(RESULT_RESPONSE)
  @ApiCallback('receiveKiipIssuance', 'An issuance that follows later, signed by Kiip', {
    issuance: ISSUANCE_EXAMPLE,
  })
  issuance(@Req() request: FastifyRequest): Promise<CallbackResultDto> {
    return this.record(request, 'issuance');
  }

  private async record({ kiipCallback }: FastifyRequest, only?: LedgerKind): Promise<CallbackResultDto> {
    // The guard let it in, so it is there.
    const verified = kiipCallback!;
    if (only !== undefined && verified.callback.kind !== only)
      throw Problem.of('validation', `This route takes ${only}s alone.`, { retryable: false });
    const { outcome, id } = await this.callbacks.record(verified);
    return { status: outcome, id };
  }
}
