import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Public } from '../caller-auth/public.decorator.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { MetricsHistoryService } from './metrics-history.service.js';
import { MetricsHistoryDto } from './metrics-history.dto.js';
import { MetricsService } from './metrics.service.js';

const EXAMPLE = `# HELP rewards_gateway_ledger_missing_24h Ledger entries of the last 24 hours that are neither delivered nor waiting
# TYPE rewards_gateway_ledger_missing_24h gauge
rewards_gateway_ledger_missing_24h 0
`;

const HISTORY_EXAMPLE: MetricsHistoryDto = {
  replica: 'gateway-1',
  step_seconds: 10,
  to: '2026-01-31T12:00:00.000Z',
  series: {
    callbacks: [1.2],
    callbacks_rejected: [0],
    deliveries: [1.2],
    deliveries_failed: [0],
    counts: [80.5],
    counts_cached: [79],
    kigo_ms: [42.1],
    kiip_ms: [null],
    backlog: [3],
  },
};

@Public('operational')
@ApiTags('Operations')
@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly metrics: MetricsService,
    private readonly history: MetricsHistoryService,
  ) {}

  @Get()
  @Header('content-type', MetricsService.CONTENT_TYPE)
  @ApiOperation({
    summary: 'Metrics for Prometheus',
    description: 'Every metric has a help text. None has an id of a user in its labels.',
    operationId: 'getMetrics',
  })
  @ApiProduces('text/plain')
  @ApiOkResponse({
    description: 'Metrics in the text format of Prometheus',
    content: { 'text/plain': { schema: { type: 'string' }, example: EXAMPLE } },
  })
  @ApiProblems()
  get(): Promise<string> {
    return this.metrics.text();
  }

  @Get('history')
  @ApiOperation({
    summary: 'Metrics of this replica over the last hour',
    description: 'For people. It begins with the process; `/metrics` has all.',
    operationId: 'getMetricsHistory',
  })
  @ApiOkResponse({
    description: 'At most 360 steps',
    type: MetricsHistoryDto,
    example: HISTORY_EXAMPLE,
  })
  @ApiProblems()
  getHistory(): MetricsHistoryDto {
    return this.history.read();
  }
}
