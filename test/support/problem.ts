import type { IncomingHttpHeaders } from 'node:http';
import type { ProblemBody } from '../../src/problem/problem.js';

/** The problem in an answer, after a look at what every problem has (contract, section 4). */
export function problemIn(answer: {
  status: number;
  headers: IncomingHttpHeaders | Record<string, string>;
  text: string;
}): ProblemBody {
  const problem = JSON.parse(answer.text) as ProblemBody;
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json(;|$)/);
  expect(problem.type).toMatch(/^(about:blank|urn:rewards-gateway:problem:[a-z-]+)$/);
  expect(problem.title).toMatch(/^[A-Z][A-Za-z -]+$/);
  expect(problem.status).toBe(answer.status);
  expect(problem.detail).toMatch(/\S.*[.)]$/);
  expect(problem.instance).toBe(answer.headers['x-request-id']);
  return problem;
}

/** The pointers of a validation problem, sorted and without repeats. */
export function pointersIn(problem: ProblemBody): string[] {
  return [...new Set((problem.errors ?? []).map(({ pointer }) => pointer))].toSorted();
}
