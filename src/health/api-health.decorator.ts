import { applyDecorators } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { HealthCheck } from '@nestjs/terminus';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { httpProblem } from '../problem/problem-catalogue.js';
import { HealthDto } from './health.dto.js';

interface HealthRoute {
  readonly operationId: string;
  readonly summary: string;
  /** A report in which all is well. */
  readonly healthy: Readonly<Record<string, object>>;
  /** One in which something is not, where that can be. */
  readonly unhealthy?: Readonly<Record<string, object>>;
}

/** A health check: never cached, and described as it answers. Terminus's own description knows no problems. */
export function ApiHealth({
  operationId,
  summary,
  healthy: well,
  unhealthy: unwell,
}: HealthRoute): MethodDecorator {
  return applyDecorators(
    HealthCheck({ swaggerDocumentation: false }),
    ApiOperation({ operationId, summary }),
    ApiOkResponse({
      description: 'All is well',
      type: HealthDto,
      example: { status: 'ok', info: well, error: {}, details: well },
    }),
    ApiProblems(...(unwell ? [httpProblem(503, { checks: unwell })] : [])),
  );
}
