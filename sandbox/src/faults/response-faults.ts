import { gzipSync } from 'node:zlib';
import { jsonResponse, textResponse } from '../server/http-response.js';
import type { HttpResponse } from '../server/http-response.js';
import { isObject } from '../server/control-input.js';
import type { ResponseFault } from './fault.js';

/** What a fault is applied to: the normal response, made only when the fault needs it, and the vendor's error body. */
export interface FaultContext {
  normalResponse: () => HttpResponse;
  failure: (status: number) => HttpResponse;
}

type OfKind<K> = Extract<ResponseFault, { kind: K }>;
type Builders = { [K in ResponseFault['kind']]: (context: FaultContext, fault: OfKind<K>) => HttpResponse };

const MIB = 1024 * 1024;
const HTML = 'text/html; charset=utf-8';
const UNKNOWN_FIELDS = { x_unknown: { nested: [1, 'two', null] }, x_flag: true };

const BUILDERS: Builders = {
  status: ({ failure }, { status, body, headers }) =>
    withHeaders(statusResponse(status, body, failure), headers),
  'bad-gateway': () => textResponse(502, '<html><body><h1>502 Bad Gateway</h1></body></html>\n', HTML),
  unavailable: ({ failure }, fault) => withHeaders(failure(503), retryAfter(fault.retryAfter)),
  'rate-limited': ({ failure }, fault) => withHeaders(failure(429), retryAfter(fault.retryAfter)),
  redirect: (_, { status = 301, location }) => textResponse(status, 'Moved\n', undefined, { location }),
  html: () => textResponse(200, '<!doctype html><title>Welcome</title><p>Not what you asked for.\n', HTML),
  json: (_, { body }) => jsonResponse(200, body),
  empty: ({ normalResponse }) => ({ ...normalResponse(), body: Buffer.alloc(0) }),
  truncated: ({ normalResponse }) => firstHalf(normalResponse()),
  'extra-fields': ({ normalResponse }, { fields = UNKNOWN_FIELDS }) =>
    edited(normalResponse(), (members) => [...members, ...Object.entries(fields)]),
  'missing-fields': ({ normalResponse }, { fields }) =>
    edited(normalResponse(), (members) => members.filter(([name]) => !fields.includes(name))),
  'wrong-content-type': ({ normalResponse }, { contentType = 'text/html' }) =>
    withHeaders(normalResponse(), { 'content-type': contentType }),
  gzip: ({ normalResponse }) => gzipped(normalResponse()),
  'broken-gzip': ({ normalResponse }) => brokenGzip(normalResponse()),
  'gzip-bomb': ({ normalResponse }, { bytes = 4 * MIB }) => gzipped(padded(normalResponse(), bytes)),
  'big-body': ({ normalResponse }, { bytes = 2 * MIB }) => padded(normalResponse(), bytes),
};

export function isResponseFault(fault: { kind: string }): fault is ResponseFault {
  return Object.hasOwn(BUILDERS, fault.kind);
}

/** Builds the response that is sent instead of the normal one. */
export function buildResponse(fault: ResponseFault, context: FaultContext): HttpResponse {
  return (BUILDERS[fault.kind] as (context: FaultContext, fault: ResponseFault) => HttpResponse)(
    context,
    fault,
  );
}

function statusResponse(status: number, body: unknown, failure: FaultContext['failure']): HttpResponse {
  if (body === undefined) return failure(status);
  return typeof body === 'string' ? textResponse(status, body) : jsonResponse(status, body);
}

function withHeaders(response: HttpResponse, headers: Record<string, string> = {}): HttpResponse {
  const lowerCased = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return { ...response, headers: { ...response.headers, ...Object.fromEntries(lowerCased) } };
}

function retryAfter(value?: number | string): Record<string, string> {
  return value === undefined ? {} : { 'retry-after': String(value) };
}

function firstHalf(response: HttpResponse): HttpResponse {
  return { ...response, body: response.body.subarray(0, Math.floor(response.body.length / 2)) };
}

function edited(
  response: HttpResponse,
  edit: (members: [string, unknown][]) => [string, unknown][],
): HttpResponse {
  if (response.headers['content-type'] !== 'application/json') return response;
  const value: unknown = JSON.parse(response.body.toString());
  if (!isObject(value)) return response;
  return { ...response, body: Buffer.from(JSON.stringify(Object.fromEntries(edit(Object.entries(value))))) };
}

// Blanks behind a JSON value leave it valid: a client without a limit of its own would accept it.
function padded(response: HttpResponse, bytes: number): HttpResponse {
  const blanks = Buffer.alloc(Math.max(0, bytes - response.body.length), ' ');
  return { ...response, body: Buffer.concat([response.body, blanks]) };
}

function gzipped(response: HttpResponse): HttpResponse {
  return withHeaders({ ...response, body: gzipSync(response.body) }, { 'content-encoding': 'gzip' });
}

// The ten header bytes stay, so that it is taken for gzip; 0xff begins a block of a type that does not exist.
function brokenGzip(response: HttpResponse): HttpResponse {
  const compressed = gzipped(response);
  return { ...compressed, body: compressed.body.fill(0xff, 10) };
}
