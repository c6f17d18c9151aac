import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Closes routes that declare none of `@Public()`, `@RequireScope()` and `@AllowEveryCaller()`, which the hooks that authenticate do not know. */
@Injectable()
export class RouteDeclarationGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { authorized, routeOptions } = context.getArgByIndex<FastifyRequest>(0);
    if (authorized || routeOptions.config.kind !== undefined) return true;
    throw new Error('a route has none of @Public(), @RequireScope() and @AllowEveryCaller()');
  }
}
