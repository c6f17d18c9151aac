import { STATUS_CODES } from 'node:http';
import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import {
  accountNotFound,
  feedRestarted,
  httpProblem,
  idempotencyKeyReused,
  invalid,
  invalidCallbackSignature,
  methodNotAllowed,
  notFound,
  notQuarantined,
  outcomeUnknown,
  rateLimited,
  storageUnavailable,
  unauthenticated,
  upstreamProblem,
} from './problem-catalogue.js';
import { ProblemDto } from './problem.dto.js';
import { PROBLEMS } from './problem.js';
import type { Problem, ProblemBody, ProblemName } from './problem.js';
import { PROBLEM_MEDIA_TYPE } from './send-problem.js';

const UPSTREAM_FAILURE = { upstream: 'kigo', operation: 'hub-summary', retryable: true };

/** An example of each problem, for routes that do not have one of their own. */
const EXAMPLES: Record<ProblemName, Problem> = {
  validation: invalid('/external_user_id', 'external_user_id is required'),
  unauthenticated: unauthenticated('Send an API key as "Authorization: Bearer <key>".'),
  'callback-signature': invalidCallbackSignature(),
  'account-not-found': accountNotFound(),
  'not-found': notFound(),
  'method-not-allowed': methodNotAllowed('GET, HEAD'),
  conflict: notQuarantined(),
  'outcome-unknown': outcomeUnknown(),
  'feed-restarted': feedRestarted(),
  'idempotency-key-reused': idempotencyKeyReused(),
  'rate-limited': rateLimited(42),
  'upstream-failed': upstreamProblem('upstream-failed', UPSTREAM_FAILURE),
  'upstream-busy': upstreamProblem('upstream-busy', { ...UPSTREAM_FAILURE, retryAfterSeconds: 5 }),
  'upstream-timeout': upstreamProblem('upstream-timeout', UPSTREAM_FAILURE),
  'storage-unavailable': storageUnavailable(1),
};

/** Examples of a route's own, by their names in the API description. */
type ProblemExamples = Readonly<Record<string, Problem>>;
type ProblemKind = ProblemName | number | ProblemExamples;

/**
 * Describes the problems that a route may respond with, with an example each: by name, by a status that has no name, or by
 * examples of the route's own. A 500 is described for every route.
 */
export function ApiProblems(...kinds: ProblemKind[]): MethodDecorator {
  return ApiMoreProblems(...kinds, 500);
}

/** Describes problems of a route besides those of its `ApiProblems`. */
export function ApiMoreProblems(...kinds: ProblemKind[]): MethodDecorator {
  const all = kinds.flatMap((kind): [string, Problem][] => {
    if (typeof kind === 'object') return Object.entries(kind);
    if (typeof kind === 'string') return [[toPascalCase(kind), EXAMPLES[kind]]];
    return [[toPascalCase(STATUS_CODES[kind]!), httpProblem(kind)]];
  });
  const statuses = Map.groupBy(all, ([, { status }]) => status);
  return applyDecorators(
    ApiExtraModels(ProblemDto),
    ...[...statuses].map(([status, problems]) =>
      ApiResponse({
        status,
        description: [...new Set(problems.map(([, { title }]) => title))].join('; '),
        headers: toHeaders(problems.map(([, problem]) => problem)),
        content: {
          [PROBLEM_MEDIA_TYPE]: {
            schema: { $ref: getSchemaPath(ProblemDto) },
            examples: Object.fromEntries(
              problems.map(([name, problem]) => [name, { value: toExample(problem) }]),
            ),
          },
        },
      }),
    ),
  );
}

/** A Markdown table of the problems that have a name. */
export function problemTable(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([name, { status, description }]) =>
      `| \`${EXAMPLES[name as ProblemName].type}\` | ${status} | ${description} |`,
  );
  return ['| type | status | when |', '| --- | --- | --- |', ...rows].join('\n');
}

/** As the names of components are written: `not-found` is `NotFound`. */
export function toPascalCase(words: string): string {
  return words.replaceAll(/(?:^|\W)(\w)/g, (_, initial: string) => initial.toUpperCase());
}

function toExample(problem: Problem): ProblemBody {
  return problem.body('checkout-4711');
}

const headerDoc = (description: string) => ({ description, schema: { type: 'string' as const } });

function toHeaders(problems: readonly Problem[]) {
  const hasStatus = (wanted: number) => problems.some(({ status }) => status === wanted);
  return {
    'X-Request-Id': headerDoc('The request id, also in `instance`'),
    ...(hasStatus(401) ? { 'WWW-Authenticate': headerDoc('How to authenticate (RFC 9110)') } : {}),
    ...(hasStatus(429)
      ? {
          RateLimit: headerDoc(
            'The remaining requests and the seconds until the reset (draft-ietf-httpapi-ratelimit-headers)',
          ),
          'RateLimit-Policy': headerDoc('The limit of requests and its window in seconds'),
        }
      : {}),
    ...(problems.some(({ fields }) => fields.retry_after_seconds !== undefined)
      ? { 'Retry-After': headerDoc('Seconds to wait') }
      : {}),
  };
}
