import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { ReceivedCallback } from './verified-callback.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by KiipSignatureGuard. */
    kiipCallback?: ReceivedCallback;
  }
}

/** The callback that KiipSignatureGuard has verified. */
export const Verified = createParamDecorator((_: unknown, context: ExecutionContext): ReceivedCallback => {
  const { kiipCallback } = context.getArgByIndex<FastifyRequest>(0);
  if (!kiipCallback) throw new Error('@Verified() needs KiipSignatureGuard on the route');
  return kiipCallback;
});
