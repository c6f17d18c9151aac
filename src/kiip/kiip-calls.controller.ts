import { Body, Controller, HttpCode, Post, Req, applyDecorators } from '@nestjs/common';
import { ApiBody, ApiExtraModels, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { IdempotencyKey } from '../idempotency/idempotency-key.decorator.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { invalid, originalInFlight, upstreamProblem } from '../problem/problem-catalogue.js';
import { IdempotencyService } from '../idempotency/idempotency.service.js';
import { KiipClient } from './kiip-client.js';
import { MOMENT_CALL, MOMENT_EXAMPLES, SESSION_CALL } from './kiip-examples.js';
import { KiipMomentRequestDto, MOMENT, RewardedMomentDto, UnrewardedMomentDto } from './moment.dto.js';
import type { MomentDto } from './moment.dto.js';
import { KiipSessionRequestDto, SessionDto } from './session.dto.js';

const FAILURE = { upstream: 'kiip', operation: 'moment', retryable: false };

/** The decorators that both routes share. */
function ApiKiipCall(): MethodDecorator {
  return applyDecorators(
    HttpCode(200),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description:
        'Valid for 24 hours, for this caller and route. A repeat gets the first response, also a rejection by Kiip, and is not sent to ' +
        'Kiip again. A request that never reached Kiip is not stored. One with an unknown outcome stays `outcome-unknown`.',
      schema: {
        type: 'string',
        pattern: '^[\\x21-\\x7e]{1,255}$',
      },
    }),
    ApiProblems(
      { InvalidDeviceId: invalid('/device/id', 'id is required') },
      'unauthenticated',
      { OriginalInFlight: originalInFlight() },
      'outcome-unknown',
      'idempotency-key-reused',
      {
        KiipFailed: upstreamProblem('upstream-failed', FAILURE),
        KiipBusy: upstreamProblem('upstream-busy', { ...FAILURE, retryable: true, retryAfterSeconds: 5 }),
        KiipTimeout: upstreamProblem('upstream-timeout', FAILURE),
      },
      'storage-unavailable',
      413,
      415,
    ),
  );
}

@ApiTags('Kiip')
@Controller('api/v1/kiip')
export class KiipCallsController {
  constructor(
    private readonly kiip: KiipClient,
    private readonly idempotency: IdempotencyService,
  ) {}

  @Post('sessions')
  @RequireScope('kiip:write')
  @ApiBody({ type: KiipSessionRequestDto, examples: { session_start: { value: SESSION_CALL } } })
  @ApiKiipCall()
  @ApiOperation({
    summary: 'Report that an app was opened or closed',
    description:
      'Kiip rewards moments only after it has received a session. The gateway adds `app.app_key`, `sdk_version` and `test`.',
    operationId: 'postKiipSession',
  })
  @ApiOkResponse({
    description: 'Kiip has accepted the session',
    type: SessionDto,
    example: { date: '2015-01-28T01:32:24.697136Z' },
  })
  session(
    @Body() body: KiipSessionRequestDto,
    @IdempotencyKey() key: string | undefined,
    @Req() { caller = '' }: FastifyRequest,
  ): Promise<SessionDto> {
    const call = { caller, route: 'kiip/sessions', body, key };
    return this.idempotency.run(call, () => this.kiip.session(body));
  }

  @Post('moments')
  @RequireScope('kiip:write')
  @ApiBody({ type: KiipMomentRequestDto, examples: { moment: { value: MOMENT_CALL } } })
  @ApiKiipCall()
  @ApiOperation({
    summary: 'Ask Kiip to reward an action of a user',
    description:
      'The gateway never resends a moment that may have reached Kiip. It only retries a moment that provably was not sent. It adds ' +
      '`app.app_key`, `sdk_version` and `test`.',
    operationId: 'postKiipMoment',
  })
  @ApiExtraModels(RewardedMomentDto, UnrewardedMomentDto)
  @ApiOkResponse({
    description: 'The moment, with its reward if there is one',
    content: {
      'application/json': { schema: MOMENT, examples: MOMENT_EXAMPLES },
    },
  })
  moment(
    @Body() body: KiipMomentRequestDto,
    @IdempotencyKey() key: string | undefined,
    @Req() { caller = '' }: FastifyRequest,
  ): Promise<MomentDto> {
    const call = { caller, route: 'kiip/moments', body, key };
    return this.idempotency.run(call, () => this.kiip.moment(body));
  }
}
