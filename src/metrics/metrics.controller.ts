import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Open } from '../caller-auth/public.decorator.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { Metrics } from './metrics.js';

const example = `# HELP rewards_gateway_ledger_unaccounted Ledger rows of the last 24 hours that are lost: neither delivered nor waiting
# TYPE rewards_gateway_ledger_unaccounted gauge
rewards_gateway_ledger_unaccounted 0
`;

@Open()
@ApiTags('Operations')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @Header('content-type', Metrics.contentType)
  @ApiOperation({ summary: 'What Prometheus collects', operationId: 'getMetrics' })
  @ApiProduces('text/plain')
  @ApiOkResponse({
    description: 'Prometheus text',
    content: { 'text/plain': { schema: { type: 'string' }, example } },
  })
  @ApiProblems()
  get(): Promise<string> {
    return this.metrics.text();
  }
}
