import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Whether the caller sent `Cache-Control: no-cache` (RFC 9111, 5.2.1.4). */
export const NoCache = createParamDecorator((_: unknown, context: ExecutionContext): boolean => {
  const header = context.switchToHttp().getRequest<FastifyRequest>().headers['cache-control'] ?? '';
  return header.split(',').some((directive) => directive.trim().toLowerCase() === 'no-cache');
});
