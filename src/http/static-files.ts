import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { notFound } from '../problem/problem-catalogue.js';
import { sendProblem } from '../problem/send-problem.js';

/** What `npm run build` makes: the same place from src/http, build/http and dist/chunks. */
const BUILT = new URL('../../dist/', import.meta.url);

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.png': 'image/png',
  '.json': 'application/json; charset=utf-8',
  '.yaml': 'text/yaml; charset=utf-8',
};

/** Sends a file of the build. */
export type SendFile = (file: string, request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

/** What is sent of a file, read when somebody asks for it: few do. */
interface Page {
  readonly url: URL;
  readonly size: number;
  readonly etag: string;
  readonly compressed: Buffer;
}

/**
 * All are files, made at build. They are sent compressed, from one buffer for all: a client that does not read holds no memory of its own.
 */
export function createFileSender(cacheControl = 'no-cache'): SendFile {
  const pages = new Map<string, Promise<Page>>();
  return async (file, request, reply) => {
    const pending = pages.get(file) ?? loadPage(file);
    pages.set(file, pending);
    return sendPage(await pending, cacheControl, request, reply);
  };
}

/** A route for people, with the headers of a page: also where there is no such file. */
export function pageRoute(
  url: string,
  headers: Readonly<Record<string, string>>,
  handler: RouteOptions['handler'],
): RouteOptions {
  return {
    method: ['GET', 'HEAD'],
    url,
    exposeHeadRoute: false,
    config: { kind: 'documentation' },
    onRequest: (_request, reply, done) => {
      reply.headers(headers);
      done();
    },
    handler,
  };
}

/** The files of a folder of the build. */
export function registerFolder(
  instance: FastifyInstance,
  folder: string,
  headers: Readonly<Record<string, string>>,
  send: SendFile,
): void {
  let names: Promise<readonly string[]> | undefined;
  const route = pageRoute(`/${folder}/*`, headers, async (request, reply) => {
    const { '*': name } = request.params as { '*': string };
    names ??= readdir(new URL(folder, BUILT));
    if (!(await names).includes(name) || name.endsWith('.gz')) return sendProblem(reply, notFound());
    return send(`${folder}/${name}`, request, reply);
  });
  instance.route(route);
}

async function loadPage(file: string): Promise<Page> {
  const url = new URL(file, BUILT);
  const compressed = await readFile(new URL(`${file}.gz`, BUILT));
  const { size } = await stat(url);
  return { url, size, etag: `"${hash('sha256', compressed, 'base64url').slice(0, 22)}"`, compressed };
}

function sendPage(
  { url, size, etag, compressed }: Page,
  cacheControl: string,
  { method, headers }: FastifyRequest,
  reply: FastifyReply,
) {
  // The entity tag is that of the content, whatever its coding: it is weak (RFC 9110, 8.8.1).
  reply.headers({ etag: `W/${etag}`, 'cache-control': cacheControl, vary: 'Accept-Encoding' });
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
