import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AuditService } from '../audit/audit.service.js';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { toDeliveryDto } from '../delivery/deliveries.dto.js';
import { DeliveriesService } from '../delivery/deliveries.service.js';
import { ReadingsService } from '../kiip-callbacks/readings.service.js';
import { IssuanceParamsDto, ENTRY_NOT_FOUND } from '../ledger/issuances.dto.js';
import { LedgerService } from '../ledger/ledger.service.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { invalid } from '../problem/problem-catalogue.js';
import { IssuanceHistoryDto, toIssuanceHistoryDto } from './issuance-history.dto.js';
import { ISSUANCE_HISTORY_EXAMPLE } from './reconciliation-examples.js';
import { ReconciliationService } from './reconciliation.service.js';

/** The question is decided. */
const NO_READINGS = { list: [], complete: true };

/** Serves one entry with its deliveries. It is not in ledger/ with the other issuance routes because the ledger does not know deliveries. */
@ApiTags('Kiip ledger')
@Controller('api/v1/kiip/issuances')
export class IssuanceHistoryController {
  constructor(
    private readonly ledger: LedgerService,
    private readonly deliveries: DeliveriesService,
    private readonly audit: AuditService,
    private readonly reconciliation: ReconciliationService,
    private readonly readings: ReadingsService,
  ) {}

  @Get(':id')
  @RequireScope('ledger:read')
  @ApiOperation({
    summary: 'Get one ledger row with its verification, deliveries and timeline',
    description:
      'What happened to it, in the order of time: what a moment promised, how it was verified, who decided, and each attempt to deliver it.',
    operationId: 'getIssuance',
  })
  @ApiOkResponse({ description: 'The row', type: IssuanceHistoryDto, example: ISSUANCE_HISTORY_EXAMPLE })
  @ApiProblems(
    { InvalidId: invalid('/id', 'id must have at most 256 characters') },
    'unauthenticated',
    'storage-unavailable',
    { EntryNotFound: ENTRY_NOT_FOUND },
  )
  async get(@Param() { id }: IssuanceParamsDto): Promise<IssuanceHistoryDto> {
    const entry = await this.ledger.find(id);
    if (!entry) throw ENTRY_NOT_FOUND;
    const history = await this.deliveries.getHistory(id);
    const subjects = [id, ...history.deliveries.map((delivery) => toDeliveryDto(delivery).id)];
    const [audit, promise, readings] = await Promise.all([
      this.audit.findOf(subjects),
      this.reconciliation.findPromise(entry),
      entry.status === 'quarantined' ? this.readings.find(id) : NO_READINGS,
    ]);
    return toIssuanceHistoryDto(entry, { ...history, audit, promise, readings });
  }
}
