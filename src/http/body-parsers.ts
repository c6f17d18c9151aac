import type { FastifyInstance, FastifyRequest } from 'fastify';
import { decodeUtf8 } from '../config/utf8.js';
import { invalid } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import { isWithinJsonLimits } from '../validation/json-limits.js';

/** A callback has eight short fields: 16 KiB is many times more than it needs. */
const CALLBACK_BODY_LIMIT = 16 * 1024;

/** Before a body is parsed. What a valid one may have is far less, and is checked property by property (validation/body-limits.ts). */
const MAX_DEPTH = 1_000;
const MAX_VALUES = 50_000;

/**
 * Reads JSON on all routes, and rejects invalid UTF-8, which would otherwise be replaced, and `__proto__` properties. Callback
 * routes take JSON and forms, as the bytes that arrived, since these are what is signed.
 */
export function registerBodyParsers(instance: FastifyInstance): void {
  const parse = instance.getDefaultJsonParser('error', 'error');
  instance.addHook('onRoute', (route) => {
    if (route.config?.kind === 'callback') route.bodyLimit = CALLBACK_BODY_LIMIT;
  });
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    if (isCallback(request)) return done(null, bytes);
    // The parsers' own messages quote the body.
    const reject = (detail: string) => done(Problem.of('validation', detail, { retryable: false }));
    if (!isWithinJsonLimits(bytes as Buffer, MAX_DEPTH, MAX_VALUES))
      return done(invalid('', 'the body contains too many values, or is nested too deeply'));
    let json: string;
    try {
      json = decodeUtf8(bytes as Buffer);
    } catch {
      return reject('The body is not valid UTF-8.');
    }
    return void parse(request, json, (error, body) =>
      error ? reject('The body is not valid JSON.') : done(null, body),
    );
  });
  const form = 'application/x-www-form-urlencoded';
  instance.addContentTypeParser(form, { parseAs: 'buffer' }, (request, bytes, done) => {
    if (isCallback(request)) return done(null, bytes);
    return done(Problem.untyped(415, 'Unsupported Media Type', 'This route only accepts JSON.'));
  });
}

function isCallback({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.config.kind === 'callback';
}
