import { Controller, Get, Query, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { toLedgerWindow } from '../ledger/ledger-window.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { invalid } from '../problem/problem-catalogue.js';
import { RECONCILIATION_EXAMPLE } from './reconciliation-examples.js';
import { ReconciliationDto, ReconciliationQueryDto, toReconciliationDto } from './reconciliation.dto.js';
import { ReconciliationService } from './reconciliation.service.js';

@ApiTags('Kiip ledger')
@Controller('api/v1/kiip/reconciliation')
export class ReconciliationController {
  constructor(private readonly reconciliation: ReconciliationService) {}

  @Get()
  @RequireScope('ledger:read')
  @ApiOperation({
    summary: 'Reconcile the ledger with the deliveries and with Kiip’s rewards',
    description:
      '`accepted` = `delivered` + `pending` + `dead` + `quarantined` + `discarded` + `missing`, and `missing` must be 0. `rewards_without_callback` lists the rewards with a currency for which no callback has arrived.',
    operationId: 'reconcile',
  })
  @ApiOkResponse({ description: 'The totals', type: ReconciliationDto, example: RECONCILIATION_EXAMPLE })
  @ApiProblems(invalid('/to', 'to must be later than from'), 'unauthenticated', 'storage-unavailable')
  async reconcile(
    @Query() { from, to }: ReconciliationQueryDto,
    @Req() { raw }: FastifyRequest,
  ): Promise<ReconciliationDto> {
    const window = toLedgerWindow(from, to);
    const totals = await this.reconciliation.countTotals(window, () => raw.destroyed);
    return toReconciliationDto(window, totals, await this.reconciliation.findUnmatchedRewards(window));
  }
}
