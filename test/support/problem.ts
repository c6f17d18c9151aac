import type { IncomingHttpHeaders } from 'node:http';
import type { ProblemBody } from '../../src/problem/problem.js';

/** The problem in an answer, after a look at what every problem has (contract, section 4). */
export function problemIn(answer: {
  status: number;
  headers: IncomingHttpHeaders | Record<string, string>;
  text: string;
}): ProblemBody {
  const problem = JSON.parse(answer.text) as ProblemBody;
  const { type, title, status, detail, instance } = problem;
  // One assertion: each costs a stack trace, and this one is made tens of thousands of times.
  expect({ contentType: answer.headers['content-type'], type, title, status, detail, instance }).toEqual({
    contentType: expect.stringMatching(/^application\/problem\+json(;|$)/),
    type: expect.stringMatching(/^(about:blank|urn:rewards-gateway:problem:[a-z-]+)$/),
    title: expect.stringMatching(/^[A-Z][A-Za-z -]+$/),
    status: answer.status,
    detail: expect.stringMatching(/\S.*[.)]$/),
    instance: answer.headers['x-request-id'],
  });
  return problem;
}

/** The pointers of a validation problem, sorted and without repeats. */
export function pointersIn(problem: ProblemBody): string[] {
  return [...new Set((problem.errors ?? []).map(({ pointer }) => pointer))].toSorted();
}
