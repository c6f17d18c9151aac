import { applyDecorators } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiSecurity } from '@nestjs/swagger';
import type { FastifyContextConfig } from 'fastify';
import type { Scope } from '../config/parsers.js';
import { ApiMoreProblems, toPascalCase } from '../problem/api-problems.decorator.js';
import { missingScope } from '../problem/problem-catalogue.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that a caller of the route needs; null: every caller may use it. */
    scope?: Scope | null;
  }
}

/** What other modules want to know of a route: Nest keeps one config for each. */
type OtherConfig = Omit<FastifyContextConfig, 'scope' | 'kind' | 'url' | 'method'>;

/** Restricts a route to callers with a scope. Every other route is `@Public()` or `@AllowEveryCaller()`. */
export function RequireScope(scope: Scope, others: OtherConfig = {}): MethodDecorator {
  return applyDecorators(
    RouteConfig({ scope, ...others }),
    ApiSecurity('caller', [scope]),
    ApiMoreProblems({ [`Missing${toPascalCase(scope)}`]: missingScope(scope) }, 'rate-limited'),
  );
}

/** Opens a route to every caller, whatever its scopes. */
export function AllowEveryCaller(): MethodDecorator {
  return applyDecorators(
    RouteConfig({ scope: null }),
    ApiSecurity('caller', []),
    ApiMoreProblems('rate-limited'),
  );
}
