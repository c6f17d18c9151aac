import { applyDecorators } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiSecurity } from '@nestjs/swagger';
import type { Scope } from '../config/parsers.js';
import { ApiProblems } from '../problem/api-problems.decorator.js';
import { missingScope, rateLimited } from '../problem/problem-catalogue.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that a caller of the route needs. */
    scope?: Scope;
  }
}

interface RouteCost {
  /** How many units of the rate limit a call costs: see RateLimitGuard. */
  readonly countUnits?: (body: unknown) => number;
}

/** Restricts a route to callers with a scope. Every other route is `@Public()`. */
export function RequireScope(scope: Scope, cost: RouteCost = {}): MethodDecorator {
  return applyDecorators(
    RouteConfig({ scope, ...cost }),
    ApiSecurity('caller', [scope]),
    ApiProblems(missingScope(scope), rateLimited(42)),
  );
}
