import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope } from '../caller-auth/require-scope.decorator.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { feedRestarted, invalid } from '../problem/problem-catalogue.js';
import { AuditDto, AuditQueryDto, parseAuditCursor, toAuditEntryDto } from './audit.dto.js';
import { AuditService } from './audit.service.js';

const ENTRY_EXAMPLE = {
  id: 'aud_17',
  at: '2026-01-31T12:00:00.000Z',
  caller: 'operations',
  request_id: '0190c1d2-e3f4-7000-8000-112233445566',
  action: 'release',
  subject: 'iss_0190c1d2e3f4000000112233445566aa',
  reason: 'Confirmed by Kiip, ticket 4711',
};

@ApiTags('Audit')
@Controller('api/v1/audit')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get()
  @RequireScope('ledger:decide')
  @ApiOperation({
    summary: 'List who released, discarded, retried, replayed, paused, resumed, cancelled and erased',
    description:
      'Oldest first, it is a feed that misses no entry: read until `items` is empty, keep `next`, and use it again later. Entries are never changed or deleted. `410` means that the database was restored to a time before the cursor: continue from an older cursor, or without `after`.',
    operationId: 'listAuditEntries',
  })
  @ApiOkResponse({
    description: 'A page',
    type: AuditDto,
    example: { items: [ENTRY_EXAMPLE], next: 'aud_17-mkkqo5c0' },
  })
  @ApiProblems(
    { InvalidLimit: invalid('/limit', 'limit must not be greater than 500') },
    'unauthenticated',
    'storage-unavailable',
    'feed-restarted',
  )
  async list(@Query() { after, order, limit }: AuditQueryDto): Promise<AuditDto> {
    const cursor = after === undefined ? undefined : parseAuditCursor(after);
    const page = await this.audit.list(cursor, order, limit);
    if (page === 'restarted') throw feedRestarted();
    return { items: page.items.map(toAuditEntryDto), next: page.next ?? after ?? 'aud_0' };
  }
}
