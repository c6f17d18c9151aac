import { z } from 'zod';

/** Rejected control input: names the field and says what is allowed. */
export class ControlInputError extends Error {
  constructor(
    readonly field: string,
    problem: string,
  ) {
    super(`${field}: ${problem}`);
  }
}

export const NON_EMPTY = z.string().min(1);

/**
 * Validates input of the control API or of a method.
 * @throws ControlInputError with the first field that is missing, unknown or invalid
 */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const { data, error } = schema.safeParse(input);
  if (!error) return data;
  const [issue] = error.issues;
  if (issue?.code === 'unrecognized_keys' && issue.path.length === 0) {
    throw new ControlInputError(issue.keys[0]!, `unknown field${knownFields(schema)}`);
  }
  const [field = 'body', ...inner] = issue?.path.map(String) ?? [];
  const problem = issue?.message ?? 'invalid';
  throw new ControlInputError(field, inner.length > 0 ? `${inner.join('.')}: ${problem}` : problem);
}

function knownFields(schema: z.ZodType): string {
  return schema instanceof z.ZodObject ? `; known are ${Object.keys(schema.shape).join(', ')}` : '';
}

const LAST = z.strictObject({ last: z.coerce.number().int().min(1) });

/** The whole list, or of a long one only the end: `?last=100`. */
export function lastOf<T>(list: readonly T[], query: URLSearchParams): readonly T[] {
  const last = query.get('last');
  return last === null ? list : list.slice(-parseInput(LAST, { last }).last);
}

/** Without the fields that are undefined: to spread over defaults. */
export function defined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
