import type { IncomingHttpHeaders } from 'node:http';
import type { ProblemBody } from '../../src/problem/problem.js';

/** The problem in a response; asserts what every problem has (RFC 9457). */
export function problemIn(response: {
  status: number;
  headers: IncomingHttpHeaders | Record<string, string>;
  text: string;
}): ProblemBody {
  const problem = JSON.parse(response.text) as ProblemBody;
  const { type, title, status, detail, instance } = problem;
  const missing = membersOf(type).filter((name) => problem[name] === undefined);
  // One assertion: each costs a stack trace, and this one runs tens of thousands of times.
  expect({
    contentType: response.headers['content-type'],
    type,
    title,
    status,
    detail,
    instance,
    missing,
  }).toEqual({
    contentType: expect.stringMatching(/^application\/problem\+json(;|$)/),
    type: expect.stringMatching(/^(about:blank|urn:rewards-gateway:problem:[a-z-]+)$/),
    title: expect.stringMatching(/^[A-Z][A-Za-z -]+$/),
    status: response.status,
    detail: expect.stringMatching(/\S.*[.)]$/),
    instance: response.headers['x-request-id'],
    missing: [],
  });
  return problem;
}

/** What every problem of a type has: the TypeScript client and docs/errors.md promise it. */
function membersOf(type: string): (keyof ProblemBody)[] {
  const name = type.split(':').at(-1)!;
  return [
    ...(name.startsWith('upstream-') ? (['upstream', 'retryable'] as const) : []),
    ...(/^(rate-limited|upstream-busy|storage-unavailable)$/.test(name)
      ? (['retry_after_seconds'] as const)
      : []),
  ];
}

/** The distinct pointers of a validation problem, sorted. */
export function pointersIn(problem: ProblemBody): string[] {
  return [...new Set((problem.errors ?? []).map(({ pointer }) => pointer))].toSorted();
}
