import type { FastifyInstance } from 'fastify';
import type { CallerAuthService } from './caller-auth.service.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller is known, and may do what the route does. */
    admitted?: boolean;
  }
}

/** Guards run when the body has been read. Strangers are not to make us read and parse a megabyte, nor to learn what we think of it. */
export function registerAuthHooks(instance: FastifyInstance, auth: CallerAuthService): void {
  instance.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.scope !== undefined) await auth.authenticate(request);
  });
  instance.addHook('preParsing', async (request) => {
    const { scope } = request.routeOptions.config;
    if (scope === undefined) return;
    auth.authorize(request, scope);
    request.admitted = true;
  });
}
