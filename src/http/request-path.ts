import type { FastifyInstance } from 'fastify';
import { Problem } from '../problem/problem.js';
import { sendProblem } from '../problem/send-problem.js';

/** Slashes and backslashes that only some decode, and segments that only some resolve. `;` begins a parameter for some servers. */
const AMBIGUOUS = /%2f|%5c|\\|(?:^|\/)(?:\.|%2e){1,2}(?=$|[/;])/i;

const PROBLEM = Problem.of(
  'validation',
  'The path must not contain encoded slashes, dot segments, or encoded letters in its fixed parts.',
  { retryable: false },
);

/**
 * Refuses paths that a proxy may read in another way than we do: a rule of the proxy about one path would then let through
 * another one.
 */
export function rejectAmbiguousPaths(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, reply, done) => {
    const path = pathOf(request.raw.url!);
    if (AMBIGUOUS.test(path) || (path.includes('%') && !isSpelledLike(path, request.routeOptions.url)))
      sendProblem(reply, PROBLEM);
    else done();
  });
}

function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}

/** Whether the fixed segments of a route appear in a path as they are. The router decodes a path before it looks for a route. */
function isSpelledLike(path: string, template: string | undefined): boolean {
  if (template === undefined) return true;
  const segments = path.split('/');
  return template.split('/').every((segment, index) => /^[:*]/.test(segment) || segment === segments[index]);
}
