import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { FastifyRequest } from 'fastify';
import { unknownParameters, validationProblem } from './unknown-parameters.js';

const NONE: ReadonlySet<string> = new Set();

/**
 * Refuses query parameters on callers' routes that have none; RequestValidationPipe refuses the unknown ones of the other
 * routes. Callbacks are judged by their signature, and a probe must not fail because of a query.
 */
@Injectable()
export class UnknownParametersGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { query, routeOptions } = context.getArgByIndex<FastifyRequest>(0);
    if (routeOptions.config.kind !== undefined || hasQuery(context)) return true;
    const unknown = unknownParameters(query as object, NONE);
    if (unknown.length > 0) throw validationProblem(unknown);
    return true;
  }
}

const HAVE_QUERY = new WeakMap<Function, boolean>();

/** Whether the handler has an `@Query()`. */
function hasQuery(context: ExecutionContext): boolean {
  const handler = context.getHandler();
  let known = HAVE_QUERY.get(handler);
  if (known === undefined) {
    known = declaresQuery(context);
    HAVE_QUERY.set(handler, known);
  }
  return known;
}

function declaresQuery(context: ExecutionContext): boolean {
  const parameters = Reflect.getMetadata(
    ROUTE_ARGS_METADATA,
    context.getClass(),
    context.getHandler().name,
  ) as object | undefined;
  return Object.keys(parameters ?? {}).some((key) => key.startsWith(`${RouteParamtypes.QUERY}:`));
}
