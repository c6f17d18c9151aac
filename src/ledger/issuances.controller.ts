import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { invalid } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import {
  BalancesDto,
  BalancesPath,
  IssuanceDto,
  IssuancePath,
  IssuancesDto,
  IssuancesQuery,
  issuanceDto,
  issuanceExample,
  noSuchRow,
} from './issuances.dto.js';
import { Ledger } from './ledger.service.js';
import { unknownReference } from './ledger-entry.js';
import type { LedgerRow } from './ledger-entry.js';

const usual = [
  invalid('/limit', 'limit must not be greater than 500'),
  'unauthenticated',
  'storage-unavailable',
] as const;
const usualOfOne = [
  invalid('/id', 'id must have at most 256 characters'),
  'unauthenticated',
  'storage-unavailable',
] as const;
const usualOfUser = [
  invalid('/user_id', 'user_id must have at most 256 characters'),
  'unauthenticated',
  'storage-unavailable',
] as const;

const released = { ...issuanceExample, status: 'released', reason: 'more-than-one-reading' };
const balance = { content: issuanceExample.content, name: 'Coins', quantity: 20 };

@ApiTags('Kiip ledger')
@Controller('api/v1/kiip')
export class IssuancesController {
  constructor(private readonly ledger: Ledger) {}

  @Get('issuances')
  @RequireScope('ledger:read')
  @ApiOperation({
    summary: 'The ledger, oldest first',
    description:
      'A feed that misses no row: read until `items` is empty, keep `next`, and ask with it again later. A row whose status changes comes once more, at the end, with its new status.',
    operationId: 'listIssuances',
  })
  @ApiOkResponse({
    description: 'A page',
    type: IssuancesDto,
    example: { items: [issuanceExample], next: 'ZmVlZDo3' },
  })
  @ApiProblems(...usual)
  async list(@Query() { user_id, status, after, limit }: IssuancesQuery): Promise<IssuancesDto> {
    const page = await this.ledger.list({ userId: user_id, status, after, limit });
    return { items: page.items.map(issuanceDto), next: page.next };
  }

  @Post('issuances/:id/release')
  @RequireScope('ledger:decide')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Accept a quarantined row: it counts and is delivered',
    operationId: 'releaseIssuance',
  })
  @ApiOkResponse({ description: 'The row, released', type: IssuanceDto, example: released })
  @ApiProblems(...usualOfOne, 413, 415, noSuchRow, 'conflict')
  async release(@Param() { id }: IssuancePath): Promise<IssuanceDto> {
    return this.decided(id, await this.ledger.release(id));
  }

  @Post('issuances/:id/discard')
  @RequireScope('ledger:decide')
  @HttpCode(200)
  @ApiOperation({ summary: 'Put a quarantined row away for good', operationId: 'discardIssuance' })
  @ApiOkResponse({
    description: 'The row, discarded',
    type: IssuanceDto,
    example: { ...released, status: 'discarded' },
  })
  @ApiProblems(...usualOfOne, 413, 415, noSuchRow, 'conflict')
  async discard(@Param() { id }: IssuancePath): Promise<IssuanceDto> {
    return this.decided(id, await this.ledger.discard(id));
  }

  @Get('users/:user_id/balances')
  @RequireScope('ledger:read')
  @ApiOperation({
    summary: 'What a user has been given, per currency',
    description: 'Live rows that are recorded or released. A user without any has an empty list.',
    operationId: 'getBalances',
  })
  @ApiOkResponse({
    description: 'A sum for each currency',
    type: BalancesDto,
    example: { user_id: 'user-123', balances: [balance] },
  })
  @ApiProblems(...usualOfUser)
  async balances(@Param() { user_id }: BalancesPath): Promise<BalancesDto> {
    return { user_id, balances: await this.ledger.balances(user_id) };
  }

  private async decided(id: string, row: LedgerRow | 'not-found' | 'conflict'): Promise<IssuanceDto> {
    if (row === 'not-found') throw noSuchRow;
    if (row !== 'conflict') return issuanceDto(row);
    throw Problem.of('conflict', whyNot(await this.ledger.find(id)), { retryable: false });
  }
}

/** Why a row cannot be decided as it was to be. */
function whyNot(row: LedgerRow | undefined): string {
  if (row?.status !== 'quarantined')
    return `The row is ${row?.status ?? 'gone'}: it is not in quarantine any more.`;
  if (row.quantity === null) return 'Its quantity cannot be counted: it can only be discarded.';
  if (row.reason === unknownReference)
    return 'Its user_id is a reference that this gateway never gave to Kiip.';
  return 'Another callback with its signature, or its transaction, has been accepted: it can only be discarded.';
}
