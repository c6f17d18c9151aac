import { applyDecorators } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { HealthCheck } from '@nestjs/terminus';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { httpProblem } from '../problem/problem-catalogue.js';
import { HealthDto } from './health.dto.js';

interface HealthRoute {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  /** The checks of a healthy response, as an example. */
  readonly healthy: Readonly<Record<string, object>>;
  /** The checks of an unhealthy response, where there can be one. */
  readonly unhealthy?: Readonly<Record<string, object>>;
}

/** Documents a health check. Terminus's own documentation does not know the problem responses. */
export function ApiHealth({
  operationId,
  summary,
  description,
  healthy,
  unhealthy,
}: HealthRoute): MethodDecorator {
  return applyDecorators(
    HealthCheck({ swaggerDocumentation: false }),
    ApiOperation({ operationId, summary, description }),
    ApiOkResponse({
      description: 'All checks passed',
      type: HealthDto,
      example: { status: 'ok', info: healthy, error: {}, details: healthy },
    }),
    ApiProblems(...(unhealthy ? [{ Unhealthy: httpProblem(503, { checks: unhealthy }) }] : [])),
  );
}
