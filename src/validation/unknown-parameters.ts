import { Problem } from '../problem/problem.js';
import type { Violation } from '../problem/problem.js';
import { pointerTo } from './body-limits.js';

/** The response grows with their number, which the request does not limit to what anybody would read. */
const MAX_REPORTED = 20;

/** A misspelt filter that is ignored would return everything. */
export function unknownParameters(query: object, known: Pick<ReadonlySet<string>, 'has'>): Violation[] {
  return Object.keys(query)
    .filter((name) => !known.has(name))
    .slice(0, MAX_REPORTED)
    .map((name) => {
      // What is not correctly encoded is decoded as a lone surrogate.
      const shown = name.toWellFormed();
      return { pointer: pointerTo(shown), detail: `${shown} is not a query parameter of this route` };
    });
}

export function validationProblem(errors: Violation[]): Problem {
  const detail = errors.length === 1 ? `${errors[0]!.detail}.` : 'See errors for what to correct.';
  return Problem.of('validation', detail, { errors, retryable: false });
}
