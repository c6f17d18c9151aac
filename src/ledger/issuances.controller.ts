import { Body, Controller, Get, HttpCode, Logger, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { DECISION_BODY, DecisionDto } from '../audit/decision.dto.js';
import { FromRequester } from '../caller-auth/requester.decorator.js';
import type { Requester } from '../caller-auth/requester.decorator.js';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { Config } from '../config/config.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { feedRestarted, invalid } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import {
  BalancesDto,
  BalancesParamsDto,
  IssuanceDto,
  IssuanceParamsDto,
  IssuancesDto,
  IssuancesQueryDto,
  toIssuanceDto,
  INVALID_USER_ID,
  ISSUANCE_EXAMPLE,
  ENTRY_NOT_FOUND,
} from './issuances.dto.js';
import { LedgerService } from './ledger.service.js';
import type { LedgerEntry } from './ledger-entry.js';

const LIST_PROBLEMS = [
  { InvalidLimit: invalid('/limit', 'limit must not be greater than 500') },
  'unauthenticated',
  'storage-unavailable',
] as const;
const ENTRY_PROBLEMS = [
  { InvalidId: invalid('/id', 'id must have at most 256 characters') },
  'unauthenticated',
  'storage-unavailable',
] as const;
const USER_PROBLEMS = [{ InvalidUserId: INVALID_USER_ID }, 'unauthenticated', 'storage-unavailable'] as const;

const RELEASED_EXAMPLE = { ...ISSUANCE_EXAMPLE, status: 'released', reason: 'more-than-one-reading' };
const BALANCE_EXAMPLE = { content: ISSUANCE_EXAMPLE.content, name: 'Coins', quantity: 20 };

@ApiTags('Kiip ledger')
@Controller('api/v1/kiip')
export class IssuancesController {
  private readonly logger = new Logger('Ledger');

  constructor(
    private readonly ledger: LedgerService,
    private readonly config: Config,
  ) {}

  @Get('issuances')
  @RequireScope('ledger:read')
  @ApiOperation({
    summary: 'List the ledger',
    description:
      'Oldest first, it is a feed that misses no entry: read until `items` is empty, keep `next`, and use it again later. An entry whose status changes appears again at the end, with its new status; `desc` may miss it: start again without `after`. `410` means that the database was restored to a time before the cursor: continue from an older cursor, or without `after`. Entries keep their ids.',
    operationId: 'listIssuances',
  })
  @ApiOkResponse({
    description: 'A page',
    type: IssuancesDto,
    example: { items: [ISSUANCE_EXAMPLE], next: 'ZmVlZDo3OjFmNGMyYTkw' },
  })
  @ApiProblems(...LIST_PROBLEMS, 'feed-restarted')
  async list(@Query() query: IssuancesQueryDto): Promise<IssuancesDto> {
    const { user_id: userId, transaction_id: transactionId, status, after, order, limit } = query;
    const page = await this.ledger.list({ userId, transactionId, status, after, order, limit });
    if (page === 'restarted') throw feedRestarted();
    return { items: page.items.map(toIssuanceDto), next: page.next };
  }

  @Post('issuances/:id/release')
  @RequireScope('ledger:decide')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Accept a quarantined entry: balances include it, and it is delivered',
    description: 'A `409` says why an entry cannot be released.',
    operationId: 'releaseIssuance',
  })
  @ApiBody(DECISION_BODY)
  @ApiOkResponse({ description: 'The released entry', type: IssuanceDto, example: RELEASED_EXAMPLE })
  @ApiProblems(...ENTRY_PROBLEMS, 413, 415, { EntryNotFound: ENTRY_NOT_FOUND }, 'conflict')
  async release(
    @Param() { id }: IssuanceParamsDto,
    @Body() { reason }: DecisionDto,
    @FromRequester() requester: Requester,
  ): Promise<IssuanceDto> {
    await this.requireReason(id, reason);
    return this.toResponse(id, await this.ledger.release(id, { ...requester, reason }), requester);
  }

  @Post('issuances/:id/discard')
  @RequireScope('ledger:decide')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Discard a quarantined entry for good',
    description: 'It stays in the ledger, counts in no balance, and is never delivered.',
    operationId: 'discardIssuance',
  })
  @ApiBody(DECISION_BODY)
  @ApiOkResponse({
    description: 'The discarded entry',
    type: IssuanceDto,
    example: { ...RELEASED_EXAMPLE, status: 'discarded' },
  })
  @ApiProblems(...ENTRY_PROBLEMS, 413, 415, { EntryNotFound: ENTRY_NOT_FOUND }, 'conflict')
  async discard(
    @Param() { id }: IssuanceParamsDto,
    @Body() { reason }: DecisionDto,
    @FromRequester() requester: Requester,
  ): Promise<IssuanceDto> {
    await this.requireReason(id, reason);
    return this.toResponse(id, await this.ledger.discard(id, { ...requester, reason }), requester);
  }

  @Get('users/:user_id/balances')
  @RequireScope('ledger:read')
  @ApiOperation({
    summary: 'Get the balances of a user, one per currency',
    description:
      'The sum of the entries that are recorded or released, without test rewards. The list is empty for a user without entries.',
    operationId: 'getBalances',
  })
  @ApiOkResponse({
    description: 'One balance per currency',
    type: BalancesDto,
    example: { user_id: 'user-123', balances: [BALANCE_EXAMPLE] },
  })
  @ApiProblems(...USER_PROBLEMS)
  async balances(@Param() { user_id }: BalancesParamsDto): Promise<BalancesDto> {
    return { user_id, balances: await this.ledger.balances(user_id) };
  }

  /** @throws Problem `validation`, where DECISION_REASON_ABOVE asks for a reason */
  private async requireReason(id: string, reason: string | undefined): Promise<void> {
    const { decisionReasonAbove: limit } = this.config;
    if (limit === undefined || reason !== undefined) return;
    const entry = await this.ledger.find(id);
    if (entry && (entry.quantity ?? Infinity) > limit)
      throw invalid('/reason', `reason is required for a quantity above ${limit}`);
  }

  private async toResponse(
    id: string,
    entry: LedgerEntry | 'not-found' | 'conflict',
    { caller }: Requester,
  ): Promise<IssuanceDto> {
    if (entry === 'not-found') throw ENTRY_NOT_FOUND;
    if (entry === 'conflict')
      throw Problem.of('conflict', explainConflict(await this.ledger.find(id)), { retryable: false });
    this.logger.log({ msg: `issuance ${entry.status}`, id, caller });
    return toIssuanceDto(entry);
  }
}

/** Says why an entry cannot be released or discarded. */
function explainConflict(entry: LedgerEntry | undefined): string {
  if (entry?.status !== 'quarantined') return `The entry is ${entry?.status ?? 'gone'}, not quarantined.`;
  if (entry.quantity === null) return 'The quantity is not a number: the entry can only be discarded.';
  if (entry.reason?.code === 'unknown-user-reference')
    return 'The user_id is a reference that this gateway never sent to Kiip.';
  return 'Another callback with the same signature or transaction is accepted: the entry can only be discarded.';
}
