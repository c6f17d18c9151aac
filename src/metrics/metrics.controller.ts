import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Public } from '../caller-auth/public.decorator.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { MetricsService } from './metrics.service.js';

const EXAMPLE = `# HELP rewards_gateway_ledger_missing_24h Ledger entries of the last 24 hours that are neither delivered nor waiting
# TYPE rewards_gateway_ledger_missing_24h gauge
rewards_gateway_ledger_missing_24h 0
`;

@Public('operational')
@ApiTags('Operations')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: MetricsService) {}

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
}
