import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { invalid } from '../problem/problem-catalogue.js';

const INVALID_KEY = 'Idempotency-Key must be given once and have 1 to 255 visible ASCII characters';

/**
 * The `Idempotency-Key` of a request, if it has one. The value is used as it is, quotes included.
 * A header that is sent twice arrives joined with a space, which no key may contain.
 */
export const IdempotencyKey = createParamDecorator(
  (_: unknown, context: ExecutionContext): string | undefined => {
    const key = context.switchToHttp().getRequest<FastifyRequest>().headers['idempotency-key'];
    if (key === undefined || (typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key))) return key;
    throw invalid('/Idempotency-Key', INVALID_KEY);
  },
);
