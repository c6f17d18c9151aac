import { applyDecorators } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiSecurity } from '@nestjs/swagger';
import type { Scope } from '../config/parsers.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { Problem } from '../problem/problem.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a caller of the route must be allowed to do. */
    scope?: Scope;
  }
}

/** Closes a route to all but callers that may do this. Every route has either this or `@Open()`. */
export function RequireScope(scope: Scope): MethodDecorator {
  return applyDecorators(
    RouteConfig({ scope }),
    ApiSecurity('caller', [scope]),
    ApiProblems(missingScope(scope), 'rate-limited'),
  );
}

export function missingScope(scope: Scope): Problem {
  return Problem.untyped(403, 'Forbidden', `This caller lacks the scope ${scope}.`, { retryable: false });
}
