import { applyDecorators } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { HealthCheck } from '@nestjs/terminus';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { plainProblem } from '../problem/to-problem.js';
import { HealthDto } from './health.dto.js';

interface HealthRoute {
  readonly operationId: string;
  readonly summary: string;
  /** A report in which all is well. */
  readonly well: Readonly<Record<string, object>>;
  /** One in which something is not, where that can be. */
  readonly unwell?: Readonly<Record<string, object>>;
}

/** A health check: never cached, and described as it answers. Terminus's own description knows no problems. */
export function ApiHealth({ operationId, summary, well, unwell }: HealthRoute): MethodDecorator {
  return applyDecorators(
    HealthCheck({ swaggerDocumentation: false }),
    ApiOperation({ operationId, summary }),
    ApiOkResponse({
      description: 'All is well',
      type: HealthDto,
      example: { status: 'ok', info: well, error: {}, details: well },
    }),
    ApiProblems(...(unwell ? [plainProblem(503, { checks: unwell })] : [])),
  );
}
