import {
  aNumber,
  aText,
  anInteger,
  anObject,
  anything,
  checkMembers,
  ControlInputError,
  either,
  isObject,
  listOf,
  oneOf,
} from '../server/check.js';
import type { Check, Checks } from '../server/check.js';
import type { FaultKind, FaultRule } from './fault.js';

const aDuration = aNumber(0, 3_600_000);
// Anything else would make the response itself fail, which no rule asked for.
const aHeaderValue: Check = (value) =>
  typeof value === 'string' && /^[\t\x20-\x7e\x80-\xff]*$/.test(value) ? undefined : 'must be printable text';
const someHeaders: Check = (value) =>
  isObject(value) &&
  Object.entries(value).every(([name, text]) => /^[\w-]+$/.test(name) && !aHeaderValue(text))
    ? undefined
    : 'must be a JSON object of header names and printable text';
const aStatus = anInteger(200, 599);
const aSize = anInteger(1, 256 * 1024 * 1024);
const aRetryAfter = either(anInteger(0), aHeaderValue);

const KINDS: Record<FaultKind | 'fail-twice', { checks?: Checks; required?: string[] }> = {
  'fail-twice': {},
  status: { checks: { status: aStatus, headers: someHeaders, body: anything }, required: ['status'] },
  'bad-gateway': {},
  unavailable: { checks: { retryAfter: aRetryAfter } },
  'rate-limited': { checks: { retryAfter: aRetryAfter } },
  redirect: {
    checks: { location: aHeaderValue, status: oneOf(301, 302, 303, 307, 308) },
    required: ['location'],
  },
  html: {},
  json: { checks: { body: anything }, required: ['body'] },
  empty: {},
  truncated: {},
  'extra-fields': { checks: { fields: anObject } },
  'missing-fields': { checks: { fields: listOf(aText) }, required: ['fields'] },
  'wrong-content-type': { checks: { contentType: aHeaderValue } },
  gzip: {},
  'broken-gzip': {},
  'gzip-bomb': { checks: { bytes: aSize } },
  'big-body': { checks: { bytes: aSize } },
  slow: { checks: { delayMs: aDuration }, required: ['delayMs'] },
  'slow-body': { checks: { delayMs: aDuration }, required: ['delayMs'] },
  dribble: { checks: { delayMs: aDuration, chunkBytes: anInteger(1) } },
  hang: {},
  reset: {},
  'reset-after-headers': {},
  'cut-off': {},
};

/** Every fault kind and the fields it takes beside those that say which calls it is for. */
export const FAULT_HELP = Object.entries(KINDS).map(
  ([kind, { checks }]) => `${kind}${checks ? ` (${Object.keys(checks).join(', ')})` : ''}`,
);

/** @throws ControlInputError naming the first field of the rule that cannot be played */
export function checkFaultRule(rule: FaultRule, routes: readonly string[]): void {
  if (!isObject(rule)) throw new ControlInputError('body', 'must be a JSON object');
  const kindProblem = oneOf(...Object.keys(KINDS))(rule.kind);
  if (kindProblem) throw new ControlInputError('kind', kindProblem);
  const { checks, required } = KINDS[rule.kind];
  const match: Checks = {
    kind: anything,
    route: oneOf(...routes),
    user: aText,
    program: aText,
    account: aText,
    device: aText,
    moment: aText,
    times: anInteger(1),
    rate: aNumber(0, 1),
    seed: anInteger(0),
  };
  checkMembers(rule, { ...match, ...checks }, required);
}
