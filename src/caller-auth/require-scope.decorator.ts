import { applyDecorators } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiSecurity } from '@nestjs/swagger';
import type { FastifyContextConfig } from 'fastify';
import type { Scope } from '../config/parsers.js';
import { ApiMoreProblems, toPascalCase } from '../problem/api-problems.decorator.js';
import { missingScope } from '../problem/problem-catalogue.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that a caller of the route needs. */
    scope?: Scope;
  }
}

/** What other modules want to know of a route: Nest keeps one config for each. */
type OtherConfig = Omit<FastifyContextConfig, 'scope' | 'kind' | 'url' | 'method'>;

/** Restricts a route to callers with a scope. Every other route is `@Public()`. */
export function RequireScope(scope: Scope, others: OtherConfig = {}): MethodDecorator {
  return applyDecorators(
    RouteConfig({ scope, ...others }),
    ApiSecurity('caller', [scope]),
    ApiMoreProblems({ [`Missing${toPascalCase(scope)}`]: missingScope(scope) }, 'rate-limited'),
  );
}
