import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { VerifiedCallback } from './verified-callback.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** KiipSignatureGuard has the callback: it counts what becomes of it. */
    callbackReceived?: boolean;
    /** Set by KiipSignatureGuard. */
    kiipCallback?: VerifiedCallback;
  }
}

/** The callback that KiipSignatureGuard has verified. */
export const Verified = createParamDecorator((_: unknown, context: ExecutionContext): VerifiedCallback => {
  const { kiipCallback } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!kiipCallback) throw new Error('@Verified() needs KiipSignatureGuard on the route');
  return kiipCallback;
});
