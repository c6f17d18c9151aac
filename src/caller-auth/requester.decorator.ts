import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Who made a request, for what is stored and logged about it. */
export interface Requester {
  readonly caller: string | null;
  readonly requestId: string;
}

/** Injects who made the request. */
export const FromRequester = createParamDecorator((_: unknown, context: ExecutionContext): Requester => {
  const { caller, id } = context.switchToHttp().getRequest<FastifyRequest>();
  return { caller: caller ?? null, requestId: id };
});
