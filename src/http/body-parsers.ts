import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../problem/problem.js';

/** A callback has eight short members: 16 KiB is many times more than it needs. */
const CALLBACK_BODY_LIMIT = 16 * 1024;

/**
 * Says how bodies are read: JSON on all routes, where invalid UTF-8 is refused, not replaced, and so are `__proto__`
 * members; on callback routes JSON and forms, as the bytes that arrived, for these are what is signed.
 */
export function registerBodyParsers(instance: FastifyInstance): void {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const parse = instance.getDefaultJsonParser('error', 'error');
  instance.addHook('onRoute', (route) => {
    if (isCallback(route.url)) route.bodyLimit = CALLBACK_BODY_LIMIT;
  });
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    if (isCallback(request.routeOptions.url)) return done(null, bytes);
    // The parsers' own sentences quote the body.
    const refuse = (detail: string) => done(Problem.of('validation', detail, { retryable: false }));
    let text: string;
    try {
      text = decoder.decode(bytes as Buffer);
    } catch {
      return refuse('The body is not valid UTF-8.');
    }
    return void parse(request, text, (error, body) =>
      error ? refuse('The body is not valid JSON.') : done(null, body),
    );
  });
  const form = 'application/x-www-form-urlencoded';
  instance.addContentTypeParser(form, { parseAs: 'buffer' }, (request: FastifyRequest, bytes, done) => {
    if (isCallback(request.routeOptions.url)) return done(null, bytes);
    return done(Problem.untyped(415, 'Unsupported Media Type', 'This route reads JSON alone.'));
  });
}

function isCallback(url: string | undefined): boolean {
  return url?.startsWith('/callbacks/') ?? false;
}
