import { plainToInstance } from 'class-transformer';
import type { ClassConstructor } from 'class-transformer';
import { validateSync } from 'class-validator';
import { accepts } from '../validation/accepts.js';
import { UpstreamError } from './upstream-error.js';
import type { Upstream } from './upstream-error.js';

export type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;

/**
 * Parses an upstream's JSON response into a class. The class-validator rules of the class are the part of the upstream's contract that
 * we rely on. Unknown fields are ignored.
 * @throws UpstreamError `invalid_response` that names the invalid fields, never their values
 */
export function parseResponse<T extends object>(
  type: ClassConstructor<T>,
  body: string,
  source: { upstream: Upstream; operation: string; reviver?: Reviver | undefined },
): T {
  const invalid = (detail: string) =>
    new UpstreamError(source.upstream, source.operation, 'invalid_response', detail);
  let json: unknown;
  try {
    json = JSON.parse(body, source.reviver as Parameters<typeof JSON.parse>[1]);
  } catch {
    throw invalid('the response is not JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw invalid('the response is not a JSON object');
  const response = plainToInstance(type, json);
  const violations = accepts(response) ? [] : validateSync(response, { forbidUnknownValues: false });
  if (violations.length === 0) return response;
  throw invalid(`the response has invalid fields: ${violations.map(({ property }) => property).join(', ')}`);
}
