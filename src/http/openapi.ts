import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import { notFound } from '../problem/problem-catalogue.js';
import { sendProblem } from '../problem/send-problem.js';

/** What `npm run build` makes: the same place from src/http, build/http and dist/chunks. */
const BUILT = new URL('../../dist/', import.meta.url);

/** Both pages of Swagger UI: their relative links differ. */
const PAGES = {
  '/docs': 'docs.html',
  '/docs/': 'docs/index.html',
  '/openapi.json': 'openapi.json',
  '/openapi.yaml': 'openapi.yaml',
};

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.png': 'image/png',
  '.json': 'application/json; charset=utf-8',
  '.yaml': 'text/yaml; charset=utf-8',
};

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

/** What is sent of a file, read when somebody asks for it: few do. */
interface Page {
  readonly url: URL;
  readonly size: number;
  readonly etag: string;
  readonly compressed: Buffer;
}

/**
 * Serves the API description: `/docs`, `/openapi.json`, `/openapi.yaml`. All of it are files, made at build. They are sent compressed,
 * from one buffer for all: a client that does not read holds no memory of its own.
 */
export function registerOpenApi(instance: FastifyInstance): void {
  instance.addHook('onRoute', (route) => {
    if (route.config?.kind !== 'documentation') return;
    route.onRequest = [setPageHeaders, ...[route.onRequest ?? []].flat()];
  });
  const pages = new Map<string, Promise<Page>>();
  const serve = async (file: string, request: FastifyRequest, reply: FastifyReply) => {
    const pending = pages.get(file) ?? loadPage(file);
    pages.set(file, pending);
    return sendPage(await pending, request, reply);
  };
  for (const [url, file] of Object.entries(PAGES))
    instance.route({
      method: ['GET', 'HEAD'],
      url,
      exposeHeadRoute: false,
      config: DOCUMENTATION,
      handler: (request, reply) => serve(file, request, reply),
    });
  let names: Promise<readonly string[]> | undefined;
  instance.route<{ Params: { '*': string } }>({
    method: ['GET', 'HEAD'],
    url: '/docs/*',
    exposeHeadRoute: false,
    config: DOCUMENTATION,
    handler: async (request, reply) => {
      const name = request.params['*'];
      names ??= readdir(new URL('docs', BUILT));
      if (!(await names).includes(name) || name.endsWith('.gz')) return sendProblem(reply, notFound());
      return serve(`docs/${name}`, request, reply);
    },
  });
}

async function loadPage(file: string): Promise<Page> {
  const url = new URL(file, BUILT);
  const compressed = await readFile(new URL(`${file}.gz`, BUILT));
  const { size } = await stat(url);
  return { url, size, etag: `"${hash('sha256', compressed, 'base64url').slice(0, 22)}"`, compressed };
}

function sendPage(
  { url, size, etag, compressed }: Page,
  { method, headers }: FastifyRequest,
  reply: FastifyReply,
) {
  // The entity tag is that of the content, whatever its coding: it is weak (RFC 9110, 8.8.1).
  reply.headers({ etag: `W/${etag}`, 'cache-control': 'no-cache', vary: 'Accept-Encoding' });
  reply.type(TYPES[extname(url.pathname)]!);
  if (headers['if-none-match']?.includes(etag)) return reply.code(304).send();
  const gzip = acceptsGzip(headers['accept-encoding']);
  if (gzip) reply.header('content-encoding', 'gzip');
  reply.header('content-length', gzip ? compressed.length : size);
  if (method === 'HEAD') return reply.send(null);
  return reply.send(gzip ? compressed : createReadStream(url));
}

/** RFC 9110, 12.5.3. A weight of 0 means "not acceptable". */
function acceptsGzip(header: string | string[] | undefined): boolean {
  return String(header ?? '')
    .split(',')
    .some((coding) => /^\s*(x-)?gzip\s*(;\s*q\s*=\s*(?!0(\.0*)?\s*$).*)?$/i.test(coding));
}
