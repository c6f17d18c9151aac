import { Controller, Get, Param, Query, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import type { FastifyRequest } from 'fastify';
import { IssuancePath, issuanceExample, noSuchRow } from '../ledger/issuances.dto.js';
import { Ledger } from '../ledger/ledger.service.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { invalid } from '../problem/problem-catalogue.js';
import { DeliveriesService } from '../delivery/deliveries.service.js';
import { IssuanceHistoryDto, toIssuanceHistoryDto } from './issuance-history.dto.js';
import { windowOf } from '../ledger/ledger-window.js';
import { ReconciliationService } from './reconciliation.service.js';
import { ReconciliationDto, ReconciliationQueryDto, toReconciliationDto } from './reconciliation.dto.js';

const COMMON_PROBLEMS = ['unauthenticated', 'storage-unavailable'] as const;

const { received_at: receivedAt } = issuanceExample;
const deliveredAt = '2026-01-31T12:00:00.031Z';
const issuanceHistoryExample = {
  ...issuanceExample,
  verification: {
    formula: 'redemption',
    secret: 'secret-1',
    quantity_text: '20',
    resolved_at: null,
    duplicates: 0,
  },
  deliveries: [
    {
      id: 'dlv_17',
      issuance_id: issuanceExample.id,
      consumer: 'wallet',
      status: 'delivered',
      attempts: 1,
      last_status: 200,
      next_attempt_at: null,
    },
  ],
  timeline: [
    { at: receivedAt, event: 'received' },
    { at: receivedAt, event: 'verified', detail: 'redemption' },
    { at: '2026-01-31T12:00:00.004Z', event: 'committed' },
    {
      at: '2026-01-31T12:00:00.019Z',
      event: 'attempted',
      consumer: 'wallet',
      status: 200,
      duration_ms: 12,
      detail: 'accepted',
    },
    { at: deliveredAt, event: 'delivered', consumer: 'wallet' },
  ],
};
const reconciliationExample = {
  from: '2026-01-31T00:00:00.000Z',
  to: '2026-02-01T00:00:00.000Z',
  accepted: 1200,
  delivered: 1190,
  pending: 7,
  dead: 1,
  quarantined: 2,
  discarded: 0,
  missing: 0,
  rewards_without_callback: [
    {
      reward_id: '5473ca54-59a5-cf65-d319-c91697297fcc',
      moment_id: 'CgkIraKVsdIBEAIQEA',
      user_id: 'user-123',
      virtual_value: '20',
      rewarded_at: receivedAt,
    },
  ],
};

/** What has become of what Kiip has sent: of one row, and of all. */
@ApiTags('Kiip ledger')
@Controller('api/v1/kiip')
export class IssuanceHistoryController {
  constructor(
    private readonly ledger: Ledger,
    private readonly deliveries: DeliveriesService,
    private readonly reconciliation: ReconciliationService,
  ) {}

  @Get('issuances/:id')
  @RequireScope('ledger:read')
  @ApiOperation({
    summary: 'One row of the ledger: how it was verified, its deliveries, and a timeline',
    operationId: 'getIssuance',
  })
  @ApiOkResponse({ description: 'The row', type: IssuanceHistoryDto, example: issuanceHistoryExample })
  @ApiProblems(invalid('/id', 'id must have at most 256 characters'), ...COMMON_PROBLEMS, noSuchRow)
  async get(@Param() { id }: IssuancePath): Promise<IssuanceHistoryDto> {
    const row = await this.ledger.find(id);
    if (!row) throw noSuchRow;
    return toIssuanceHistoryDto(row, await this.deliveries.historyOf(id));
  }

  @Get('reconciliation')
  @RequireScope('ledger:read')
  @ApiOperation({
    summary: 'Whether the books balance',
    description:
      '`accepted` = `delivered` + `pending` + `dead` + `quarantined` + `discarded`; what is none of these is `missing`. And the rewards with a currency of which no callback has come.',
    operationId: 'reconcile',
  })
  @ApiOkResponse({ description: 'The books', type: ReconciliationDto, example: reconciliationExample })
  @ApiProblems(invalid('/to', 'to must be later than from'), ...COMMON_PROBLEMS)
  async reconcile(
    @Query() { from, to }: ReconciliationQueryDto,
    @Req() { raw }: FastifyRequest,
  ): Promise<ReconciliationDto> {
    const window = windowOf(from, to);
    const counts = await this.reconciliation.countTotals(window, () => !raw.destroyed);
    return toReconciliationDto(window, counts, await this.reconciliation.findUnmatchedRewards(window));
  }
}
