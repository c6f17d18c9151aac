import type { FastifyInstance } from 'fastify';
import type { CallerAuthService } from './caller-auth.service.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller is authenticated and has the scope of the route. */
    authorized?: boolean;
  }
}

/**
 * Authenticates callers before the body is read. Guards run after that: an unknown caller could make us read and parse a
 * megabyte, and would learn what is wrong with it.
 */
export function registerAuthHooks(instance: FastifyInstance, auth: CallerAuthService): void {
  instance.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.scope !== undefined) await auth.authenticate(request);
  });
  instance.addHook('preParsing', async (request) => {
    const { scope } = request.routeOptions.config;
    if (scope === undefined) return;
    auth.authorize(request, scope);
    request.authorized = true;
  });
}
