import { plainToInstance } from 'class-transformer';
import type { ClassConstructor } from 'class-transformer';
import { validateSync } from 'class-validator';
import { UpstreamError } from './upstream-error.js';
import type { Vendor } from './upstream-error.js';

export type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;

/**
 * Reads a vendor's JSON answer into a class whose class-validator rules are the part of the vendor's contract that we rely on.
 * Unknown members are ignored.
 * @throws UpstreamError `invalid-answer` that names the members that are wrong, never their values
 */
export function readAnswer<T extends object>(
  shape: ClassConstructor<T>,
  text: string,
  source: { vendor: Vendor; operation: string; reviver?: Reviver | undefined },
): T {
  const invalid = (detail: string) =>
    new UpstreamError(source.vendor, source.operation, 'invalid-answer', detail);
  let json: unknown;
  try {
    json = JSON.parse(text, source.reviver as Parameters<typeof JSON.parse>[1]);
  } catch {
    throw invalid('the answer is not JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw invalid('the answer is not a JSON object');
  const answer = plainToInstance(shape, json);
  const violations = validateSync(answer, { forbidUnknownValues: false });
  if (violations.length > 0)
    throw invalid(
      `the answer breaks the contract in ${violations.map(({ property }) => property).join(', ')}`,
    );
  return answer;
}
