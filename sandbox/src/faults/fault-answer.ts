import { gzipSync } from 'node:zlib';
import { jsonAnswer, textAnswer } from '../server/answer.js';
import type { Answer } from '../server/answer.js';
import { isObject } from '../server/check.js';
import type { AnswerFault } from './fault.js';

/** What a fault is played with: the real answer, made only when the fault needs it, and the vendor's error body. */
export interface Scene {
  real: () => Answer;
  failure: (status: number) => Answer;
}

type OfKind<K> = Extract<AnswerFault, { kind: K }>;
type Makers = { [K in AnswerFault['kind']]: (scene: Scene, fault: OfKind<K>) => Answer };

const MIB = 1024 * 1024;
const HTML = 'text/html; charset=utf-8';
const UNKNOWN_FIELDS = { x_unknown: { nested: [1, 'two', null] }, x_flag: true };

const MAKERS: Makers = {
  status: ({ failure }, { status, body, headers }) => withHeaders(givenBody(status, body, failure), headers),
  'bad-gateway': () => textAnswer(502, '<html><body><h1>502 Bad Gateway</h1></body></html>\n', HTML),
  unavailable: ({ failure }, fault) => withHeaders(failure(503), retryAfter(fault.retryAfter)),
  'rate-limited': ({ failure }, fault) => withHeaders(failure(429), retryAfter(fault.retryAfter)),
  redirect: (_, { status = 301, location }) => textAnswer(status, 'Moved\n', undefined, { location }),
  html: () => textAnswer(200, '<!doctype html><title>Welcome</title><p>Not what you asked for.\n', HTML),
  json: (_, { body }) => jsonAnswer(200, body),
  empty: ({ real }) => ({ ...real(), body: Buffer.alloc(0) }),
  truncated: ({ real }) => firstHalf(real()),
  'extra-fields': ({ real }, { fields = UNKNOWN_FIELDS }) =>
    edited(real(), (members) => [...members, ...Object.entries(fields)]),
  'missing-fields': ({ real }, { fields }) =>
    edited(real(), (members) => members.filter(([name]) => !fields.includes(name))),
  'wrong-content-type': ({ real }, { contentType = 'text/html' }) =>
    withHeaders(real(), { 'content-type': contentType }),
  gzip: ({ real }) => gzipped(real()),
  'broken-gzip': ({ real }) => brokenGzip(real()),
  'gzip-bomb': ({ real }, { bytes = 4 * MIB }) => gzipped(padded(real(), bytes)),
  'big-body': ({ real }, { bytes = 2 * MIB }) => padded(real(), bytes),
};

export function isAnswerFault(fault: { kind: string }): fault is AnswerFault {
  return Object.hasOwn(MAKERS, fault.kind);
}

/** The answer that goes out instead of the real one. */
export function faultyAnswer(fault: AnswerFault, scene: Scene): Answer {
  return (MAKERS[fault.kind] as (scene: Scene, fault: AnswerFault) => Answer)(scene, fault);
}

function givenBody(status: number, body: unknown, failure: Scene['failure']): Answer {
  if (body === undefined) return failure(status);
  return typeof body === 'string' ? textAnswer(status, body) : jsonAnswer(status, body);
}

function withHeaders(answer: Answer, headers: Record<string, string> = {}): Answer {
  const lowerCased = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return { ...answer, headers: { ...answer.headers, ...Object.fromEntries(lowerCased) } };
}

function retryAfter(value?: number | string): Record<string, string> {
  return value === undefined ? {} : { 'retry-after': String(value) };
}

function firstHalf(answer: Answer): Answer {
  return { ...answer, body: answer.body.subarray(0, Math.floor(answer.body.length / 2)) };
}

function edited(answer: Answer, edit: (members: [string, unknown][]) => [string, unknown][]): Answer {
  if (answer.headers['content-type'] !== 'application/json') return answer;
  const value: unknown = JSON.parse(answer.body.toString());
  if (!isObject(value)) return answer;
  return { ...answer, body: Buffer.from(JSON.stringify(Object.fromEntries(edit(Object.entries(value))))) };
}

// Blanks behind a JSON value leave it valid: a client without a limit of its own would accept it.
function padded(answer: Answer, bytes: number): Answer {
  const blanks = Buffer.alloc(Math.max(0, bytes - answer.body.length), ' ');
  return { ...answer, body: Buffer.concat([answer.body, blanks]) };
}

function gzipped(answer: Answer): Answer {
  return withHeaders({ ...answer, body: gzipSync(answer.body) }, { 'content-encoding': 'gzip' });
}

// The ten header bytes stay, so that it is taken for gzip; 0xff begins a block of a type that does not exist.
function brokenGzip(answer: Answer): Answer {
  const compressed = gzipped(answer);
  return { ...compressed, body: compressed.body.fill(0xff, 10) };
}
