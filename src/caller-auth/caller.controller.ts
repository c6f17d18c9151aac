import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { CallerAuthService } from './caller-auth.service.js';
import { CallerDto } from './caller.dto.js';
import { AllowEveryCaller } from './require-scope.decorator.js';
import { FromRequester } from './requester.decorator.js';
import type { Requester } from './requester.decorator.js';

@ApiTags('Callers')
@Controller('api/v1/caller')
export class CallerController {
  constructor(private readonly auth: CallerAuthService) {}

  @Get()
  @AllowEveryCaller()
  @ApiOperation({
    summary: 'Get your own name and scopes',
    description: 'What the credential of the request may do. It needs no scope.',
    operationId: 'getCaller',
  })
  @ApiOkResponse({
    description: 'You',
    type: CallerDto,
    example: { name: 'operations', scopes: ['ledger:read'] },
  })
  @ApiProblems('unauthenticated')
  get(@FromRequester() { caller }: Requester): CallerDto {
    return { name: caller, scopes: this.auth.scopesOf(caller ?? undefined) };
  }
}
