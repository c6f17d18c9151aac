import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { notFound } from '../problem/problem-catalogue.js';
import { sendProblem } from '../problem/send-problem.js';

/** What `npm run build` makes: the same place from src/http, build/http and dist/chunks. */
const BUILT = new URL('../../dist/', import.meta.url);

/** Both pages of Swagger UI: their relative links differ. */
const PAGES = {
  '/docs': ['docs.html', 'text/html'],
  '/docs/': ['docs/index.html', 'text/html'],
  '/openapi.json': ['openapi.json', 'application/json; charset=utf-8'],
  '/openapi.yaml': ['openapi.yaml', 'text/yaml'],
} as const;

const DOCUMENTATION = { kind: 'documentation' } as const;

/** Swagger UI sets styles from its scripts; everything else that it needs is one of our files. */
const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const setPageHeaders: onRequestHookHandler = (_request, reply, done) => {
  reply.headers(PAGE_HEADERS);
  done();
};

/** Serves the API description: `/docs`, `/openapi.json`, `/openapi.yaml`. All of it are files, made at build. */
export function registerOpenApi(instance: FastifyInstance): void {
  instance.addHook('onRoute', (route) => {
    if (route.config?.kind !== 'documentation') return;
    route.onRequest = [setPageHeaders, ...[route.onRequest ?? []].flat()];
  });
  for (const [url, [file, type]] of Object.entries(PAGES))
    instance.get(url, { config: DOCUMENTATION }, async (_request, reply) =>
      reply.type(type).send(await readFile(new URL(file, BUILT))),
    );
  const root = fileURLToPath(new URL('docs', BUILT));
  instance.get<{ Params: { '*': string } }>('/docs/*', { config: DOCUMENTATION }, async (request, reply) => {
    // Loaded when somebody opens the page: few do.
    const { send } = await import('@fastify/send');
    const found = await send(request.raw, request.params['*'], { root });
    if (found.type === 'directory') return sendProblem(reply, notFound());
    if (found.type === 'error') throw Object.assign(found.metadata.error, { statusCode: found.statusCode });
    return reply.code(found.statusCode).headers(found.headers).send(found.stream);
  });
}
