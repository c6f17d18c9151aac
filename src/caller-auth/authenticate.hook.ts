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
  instance.addHook('onRequest', (request, _, done) => {
    if (request.routeOptions.config.scope === undefined) return done();
    const pending = auth.authenticate(request);
    // API keys are known at once. The keys of a token issuer may have to be fetched, and Fastify waits for a promise.
    if (pending) return pending;
    done();
  });
  instance.addHook('preParsing', (request, _reply, _payload, done) => {
    const { scope } = request.routeOptions.config;
    if (scope !== undefined) {
      if (scope !== null) auth.authorize(request, scope);
      request.authorized = true;
    }
    done();
  });
}
