import { z } from 'zod';
import { ControlInputError, NON_EMPTY, parseInput } from '../server/control-input.js';

/** Which calls a rule is for. A field that is not given matches every call. */
const MATCH = {
  route: NON_EMPTY.optional(),
  /** The user id that the vendor was given. */
  user: NON_EMPTY.optional(),
  /** External program id. */
  program: NON_EMPTY.optional(),
  /** The vendor's account id. */
  account: NON_EMPTY.optional(),
  device: NON_EMPTY.optional(),
  /** Moment id. */
  moment: NON_EMPTY.optional(),
  /** Only the next so many matching calls; without it and without `rate`: all of them. */
  times: z.int().min(1).optional(),
  /** Share of matching calls, 0 to 1, drawn from a generator that starts at `seed`. */
  rate: z.number().min(0).max(1).optional(),
  seed: z.int().min(0).optional(),
};

// Node.js rejects other header names and values, and the response itself would fail.
const HEADER_VALUE = z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be printable text');
const HEADERS = z.record(z.string().regex(/^[\w-]+$/, 'must be a header name'), HEADER_VALUE);
const RETRY_AFTER = z.union([z.int().min(0), HEADER_VALUE], {
  error: 'must be a whole number from 0 up, or printable text',
});
const ANY_JSON = z.unknown();
const DELAY_MS = z.number().min(0).max(3_600_000);
const BYTES = z
  .int()
  .min(1)
  .max(256 * 1024 * 1024);

function fault<K extends string, S extends z.ZodRawShape>(kind: K, fields: S) {
  return z.strictObject({ kind: z.literal(kind), ...MATCH, ...fields });
}

/** Faults that give another response than the normal one, or the normal one altered. */
const RESPONSE_FAULTS = [
  /** Any status with any body: text as it is, other values as JSON, none = the vendor's own error body. */
  fault('status', {
    status: z.int().min(200).max(599),
    headers: HEADERS.optional(),
    body: ANY_JSON.optional(),
  }),
  /** 502 with a proxy's HTML page. */
  fault('bad-gateway', {}),
  /** 503 or 429; `retryAfter` is seconds, or text (an HTTP date) sent as it is. */
  fault('unavailable', { retryAfter: RETRY_AFTER.optional() }),
  fault('rate-limited', { retryAfter: RETRY_AFTER.optional() }),
  fault('redirect', { location: HEADER_VALUE, status: z.literal([301, 302, 303, 307, 308]).optional() }),
  /** 200 with an HTML page. */
  fault('html', {}),
  /** 200 with this JSON value. */
  fault('json', { body: ANY_JSON.refine((value) => value !== undefined, 'must be any JSON value') }),
  /** The normal response without its body. */
  fault('empty', {}),
  /** The first half of the normal body, correctly framed: only the JSON is broken. */
  fault('truncated', {}),
  /** The normal response with fields added, or replaced by values of other types. */
  fault('extra-fields', { fields: z.record(z.string(), ANY_JSON).optional() }),
  fault('missing-fields', { fields: z.array(NON_EMPTY) }),
  /** The normal response with another content type (default `text/html`). */
  fault('wrong-content-type', { contentType: HEADER_VALUE.optional() }),
  /** The normal response, compressed, whatever the client accepts. */
  fault('gzip', {}),
  fault('broken-gzip', {}),
  /** The normal response and blanks up to `bytes` (default 4 MiB), small on the wire. */
  fault('gzip-bomb', { bytes: BYTES.optional() }),
  /** The normal response and blanks up to `bytes` (default 2 MiB), uncompressed. */
  fault('big-body', { bytes: BYTES.optional() }),
] as const;

/** Faults in time and on the connection. All but `hang` and `reset` send the normal response. */
const CONNECTION_FAULTS = [
  /** Waits before the status line. */
  fault('slow', { delayMs: DELAY_MS }),
  /** Sends the headers, waits, then sends the body. */
  fault('slow-body', { delayMs: DELAY_MS }),
  /** Sends the body `chunkBytes` (default 1) at a time, `delayMs` (default 10) apart. */
  fault('dribble', { delayMs: DELAY_MS.optional(), chunkBytes: z.int().min(1).optional() }),
  /** Never answers; the connection stays open. */
  fault('hang', {}),
  /** Connection reset (RST) instead of a response. */
  fault('reset', {}),
  /** Headers and half of the body, then a reset. */
  fault('reset-after-headers', {}),
  /** Headers and half of the body, then an orderly close (FIN). */
  fault('cut-off', {}),
] as const;

/** Short for `status` 500 with `times` 2. */
const FAIL_TWICE = fault('fail-twice', {});
const ALL_FAULTS = [FAIL_TWICE, ...RESPONSE_FAULTS, ...CONNECTION_FAULTS] as const;
const KIND = z.looseObject({ kind: z.enum(ALL_FAULTS.map(({ shape }) => shape.kind.value)) });

export type ResponseFault = z.infer<(typeof RESPONSE_FAULTS)[number]>;
export type ConnectionFault = z.infer<(typeof CONNECTION_FAULTS)[number]>;
export type Fault = ResponseFault | ConnectionFault;
/** A fault and the calls that it is applied to. */
export type FaultRule = Fault | z.infer<typeof FAIL_TWICE>;
/** The fields of a rule that name a property of a call. */
export const MATCHED = ['route', 'user', 'program', 'account', 'device', 'moment'] as const;

/** Every fault kind and the fields that it takes beside those that say which calls it is for. */
export const FAULT_HELP = ALL_FAULTS.map(({ shape }) => {
  const fields = Object.keys(shape).filter((name) => name !== 'kind' && !Object.hasOwn(MATCH, name));
  return shape.kind.value + (fields.length > 0 ? ` (${fields.join(', ')})` : '');
});

/** @throws ControlInputError with the first field of the rule that is not valid */
export function parseFaultRule(input: unknown, routes: readonly string[]): FaultRule {
  const { kind } = parseInput(KIND, input);
  const schema = ALL_FAULTS.find(({ shape }) => shape.kind.value === kind)!;
  const rule = parseInput<FaultRule>(schema, input);
  if (rule.route !== undefined && !routes.includes(rule.route)) {
    throw new ControlInputError('route', `must be one of ${routes.join(', ')}`);
  }
  return rule;
}
