import type { FastifyInstance } from 'fastify';
import { createFileSender, pageRoute, registerFolder } from './static-files.js';

/** Both pages of Swagger UI: their relative links differ. */
const PAGES = {
  '/docs': 'docs.html',
  '/docs/': 'docs/index.html',
  '/openapi.json': 'openapi.json',
  '/openapi.yaml': 'openapi.yaml',
};

/** Swagger UI sets styles from its scripts; everything else that it needs is one of our files. */
const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** Serves the API description: `/docs`, `/openapi.json`, `/openapi.yaml`. */
export function registerOpenApi(instance: FastifyInstance): void {
  const send = createFileSender();
  for (const [url, file] of Object.entries(PAGES))
    instance.route(pageRoute(url, PAGE_HEADERS, (request, reply) => send(file, request, reply)));
  registerFolder(instance, 'docs', PAGE_HEADERS, send);
}
