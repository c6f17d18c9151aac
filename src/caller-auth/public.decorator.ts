import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiSecurity } from '@nestjs/swagger';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Why the route is public. */
    kind?: PublicKind;
  }
}

/**
 * Callbacks are authenticated by their signature; operational routes are for probes and metrics; documentation describes the API.
 * It also says which port serves the route (http/listeners.ts).
 */
type PublicKind = 'callback' | 'operational' | 'documentation';

/** Marks a controller whose routes need no credential. Every other route has `@RequireScope()` or `@AllowEveryCaller()`. */
export function Public(kind: PublicKind): ClassDecorator {
  return (controller) => {
    // An empty requirement replaces the one that the API description has for all routes.
    ApiSecurity({})(controller);
    // Fastify's route config is read from methods alone.
    const prototype = controller.prototype as object;
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype)))
      if (name !== 'constructor') RouteConfig({ kind })(prototype, name, descriptor);
  };
}
