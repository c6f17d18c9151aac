import { Controller, Get, Query, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { LedgerScans } from '../ledger/ledger-scans.js';
import { toLedgerWindow } from '../ledger/ledger-window.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { invalid } from '../problem/problem-catalogue.js';
import { RECONCILIATION_EXAMPLE } from './reconciliation-examples.js';
import { ReconciliationDto, ReconciliationQueryDto, toReconciliationDto } from './reconciliation.dto.js';
import { ReconciliationService } from './reconciliation.service.js';

const DAY_MS = 86_400_000;
/** Ten years: a longer window is a mistake, and would read all entries there are. */
const MAX_WINDOW_DAYS = 3_653;

@ApiTags('Kiip ledger')
@Controller('api/v1/kiip/reconciliation')
export class ReconciliationController {
  private readonly scans = new LedgerScans();

  constructor(private readonly reconciliation: ReconciliationService) {}

  @Get()
  @RequireScope('ledger:read')
  @ApiOperation({
    summary: 'Reconcile the ledger with the deliveries and with Kiip’s rewards',
    description:
      '`accepted` = `delivered` + `pending` + `dead` + `quarantined` + `discarded` + `missing`, and `missing` must be 0. A window has at most ten years, and one reconciliation runs at a time. `rewards_without_callback` lists the rewards with a currency for which no callback has arrived.',
    operationId: 'getReconciliation',
  })
  @ApiOkResponse({ description: 'The totals', type: ReconciliationDto, example: RECONCILIATION_EXAMPLE })
  @ApiProblems(
    { InvalidWindow: invalid('/to', 'to must be later than from') },
    'unauthenticated',
    'storage-unavailable',
  )
  async reconcile(
    @Query() { from, to }: ReconciliationQueryDto,
    @Req() { raw }: FastifyRequest,
  ): Promise<ReconciliationDto> {
    const window = toLedgerWindow(from, to);
    if (+window.to - +window.from > MAX_WINDOW_DAYS * DAY_MS)
      throw invalid('/from', `from must be at most ${MAX_WINDOW_DAYS} days before to, and before now`);
    return this.scans.run(async () => {
      const totals = await this.reconciliation.countTotals(window, () => raw.destroyed);
      const rewards = raw.destroyed ? [] : await this.reconciliation.findUnmatchedRewards(window);
      return toReconciliationDto(window, totals, rewards);
    });
  }
}
