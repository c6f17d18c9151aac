import type { FastifyInstance } from 'fastify';
import type { Config } from '../config/config.js';
import { VERSION } from '../config/version.js';
import { createFileSender, pageRoute, registerFolder } from './static-files.js';

/** The names of these files contain a hash of them. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

/** Serves the console: files that know nothing, and call the API with the credential that a person enters. */
export function registerConsole(instance: FastifyInstance, config: Config): void {
  const headers = pageHeaders(config.consoleSandbox);
  const send = createFileSender();
  // Relative, as all links of the page are: there may be a path prefix in front.
  instance.route(pageRoute('/console', headers, (_, reply) => reply.redirect('console/')));
  instance.route(
    pageRoute('/console/', headers, (request, reply) => send('console/index.html', request, reply)),
  );
  registerFolder(instance, 'console/assets', headers, createFileSender(IMMUTABLE));
  const description = {
    version: VERSION,
    sign_in: config.callerAuth !== 'none',
    sandbox: config.consoleSandbox ?? null,
  };
  instance.route(
    pageRoute('/console/config.json', headers, (_, reply) =>
      reply.header('cache-control', 'no-cache').send(description),
    ),
  );
}

/** Only files of its own, and only requests to its own origin, and to the sandbox where there is one. A reward page may close with `kiip:`. */
function pageHeaders(sandbox: Config['consoleSandbox']): Record<string, string> {
  const origins = Object.values(sandbox ?? {});
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    ["connect-src 'self'", ...origins].join(' '),
    ...(sandbox ? [`frame-src ${sandbox.kiip} kiip:`] : []),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return {
    'content-security-policy': policy.join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
}
