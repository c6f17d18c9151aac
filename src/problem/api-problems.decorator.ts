import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { ProblemDto } from './problem.dto.js';
import { Problem } from './problem.js';
import type { ProblemBody, ProblemName } from './problem.js';
import { PROBLEM_MEDIA_TYPE } from './send-problem.js';
import { notFound, httpProblem } from './to-problem.js';

/** What every route that calls Kiip may answer, with the words that fit. */
export const KIIP_PROBLEMS = [
  invalid('/device/id', 'id is required'),
  'unauthenticated',
  Problem.of('conflict', 'The original request with this Idempotency-Key is still in flight.', {
    retryable: true,
  }),
  'outcome-unknown',
  'idempotency-key-reused',
  Problem.of(
    'upstream-failed',
    'The upstream cannot be reached, failed, or sent an invalid response. (kiip moment)',
    { upstream: 'kiip', retryable: false },
  ),
  Problem.of(
    'upstream-busy',
    'The upstream is rate limiting or its circuit breaker is open. See Retry-After. (kiip moment)',
    { upstream: 'kiip', retryable: true, retry_after_seconds: 5 },
  ),
  'storage-unavailable',
  Problem.of('upstream-timeout', 'The upstream did not respond in time. See retryable. (kiip moment)', {
    upstream: 'kiip',
    retryable: false,
  }),
] as const;

const EXAMPLES: Record<ProblemName, Problem> = {
  validation: invalid('/external_user_id', 'external_user_id is required'),
  unauthenticated: Problem.of('unauthenticated', 'Send an API key as "Authorization: Bearer <key>".'),
  'callback-signature': Problem.of('callback-signature', 'No configured secret matches this signature.', {
    retryable: false,
  }),
  conflict: Problem.of('conflict', 'The entry is no longer quarantined.', { retryable: false }),
  'outcome-unknown': Problem.of(
    'outcome-unknown',
    'The original request may have reached Kiip and is not sent again. Use a new Idempotency-Key for a new request.',
    { retryable: false },
  ),
  'idempotency-key-reused': Problem.of(
    'idempotency-key-reused',
    'This Idempotency-Key was used with a different body.',
    { retryable: false },
  ),
  'storage-unavailable': Problem.of(
    'storage-unavailable',
    'Nothing was stored. Try again after Retry-After.',
    {
      retryable: true,
      retry_after_seconds: 1,
    },
  ),
  'account-not-found': Problem.of('account-not-found', 'Kigo has no account for these ids.', {
    retryable: false,
  }),
  'not-found': notFound(),
  'method-not-allowed': Problem.of('method-not-allowed', 'Allowed methods: GET, HEAD.'),
  'rate-limited': Problem.of('rate-limited', 'Rate limit exceeded. Try again after Retry-After.', {
    retryable: true,
    retry_after_seconds: 42,
  }),
  'upstream-failed': Problem.of(
    'upstream-failed',
    'The upstream cannot be reached, failed, or sent an invalid response. (kigo hub-summary)',
    { upstream: 'kigo', retryable: true },
  ),
  'upstream-busy': Problem.of(
    'upstream-busy',
    'The upstream is rate limiting or its circuit breaker is open. See Retry-After. (kigo hub-summary)',
    { upstream: 'kigo', retryable: true, retry_after_seconds: 5 },
  ),
  'upstream-timeout': Problem.of(
    'upstream-timeout',
    'The upstream did not respond in time. See retryable. (kigo hub-summary)',
    { upstream: 'kigo', retryable: true },
  ),
};

/** A `validation` problem with one violation. */
export function invalid(pointer: string, detail: string): Problem {
  return Problem.of('validation', `${detail}.`, { errors: [{ pointer, detail }], retryable: false });
}

/**
 * Describes, with an example each, the problems that a route may answer: by name, by a status that has no name, or by an
 * example of the route's own. A 500 is described of every route.
 */
export function ApiProblems(...kinds: (ProblemName | number | Problem)[]): MethodDecorator {
  const all = [...kinds, 500].map((kind) => {
    if (typeof kind === 'number') return httpProblem(kind);
    return kind instanceof Problem ? kind : EXAMPLES[kind];
  });
  const statuses = Map.groupBy(all, ({ status }) => status);
  return applyDecorators(
    ApiExtraModels(ProblemDto),
    ...[...statuses].map(([status, problems]) =>
      ApiResponse({
        status,
        description: problems.map(({ title }) => title).join('; '),
        headers: toHeaders(problems),
        content: {
          [PROBLEM_MEDIA_TYPE]: {
            schema: { $ref: getSchemaPath(ProblemDto) },
            examples: Object.fromEntries(
              problems.map((problem) => [toExampleName(problem), { value: toExample(problem) }]),
            ),
          },
        },
      }),
    ),
  );
}

/** A table of the problems that have a name, in Markdown. */
export function problemTable(): string {
  const rows = Object.values(EXAMPLES).map(
    ({ type, status, title }) => `| \`${type}\` | ${status} | ${title} |`,
  );
  return ['| type | status | title |', '| --- | --- | --- |', ...rows].join('\n');
}

function toExampleName({ type, status }: Problem): string {
  return type === 'about:blank' ? String(status) : type.slice(type.lastIndexOf(':') + 1);
}

function toExample(problem: Problem): ProblemBody {
  return problem.body('0b6f6c1e-6a52-4c39-9f5a-1f1e8f0f7c55');
}

const headerDoc = (description: string) => ({ description, schema: { type: 'string' as const } });

function toHeaders(problems: readonly Problem[]) {
  const waits = problems.some(({ fields: members }) => members.retry_after_seconds !== undefined);
  return {
    'X-Request-Id': headerDoc('The request id, also in `instance`'),
    ...(problems.some(({ status }) => status === 401)
      ? { 'WWW-Authenticate': headerDoc('How to authenticate (RFC 9110)') }
      : {}),
    ...(problems.some(({ status }) => status === 429)
      ? {
          RateLimit: headerDoc('What is left, and until when (draft-ietf-httpapi-ratelimit-headers)'),
          'RateLimit-Policy': headerDoc('How many calls in how many seconds'),
        }
      : {}),
    ...(waits ? { 'Retry-After': headerDoc('Seconds to wait') } : {}),
  };
}
