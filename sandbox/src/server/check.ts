/** Refused control input: names the field and says what it must be. */
export class ControlInputError extends Error {
  constructor(
    readonly field: string,
    problem: string,
  ) {
    super(`${field} ${problem}`);
  }
}

/** Says what is wrong with a value ("must be a string"), or nothing. */
export type Check = (value: unknown) => string | undefined;
export type Checks = Record<string, Check>;

const unless = (holds: (value: unknown) => boolean, problem: string): Check => {
  return (value) => (holds(value) ? undefined : problem);
};

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const anything: Check = () => undefined;
export const aBoolean = unless((value) => typeof value === 'boolean', 'must be true or false');
export const aText = unless(
  (value) => typeof value === 'string' && value !== '',
  'must be a non-empty string',
);
export const anObject = unless(isObject, 'must be a JSON object');

export const aNumber = (min: number, max: number = Number.MAX_VALUE): Check =>
  unless(
    (value) => typeof value === 'number' && value >= min && value <= max,
    max === Number.MAX_VALUE ? `must be a number from ${min} up` : `must be a number from ${min} to ${max}`,
  );

export const anInteger = (min: number, max: number = Number.MAX_SAFE_INTEGER): Check =>
  unless(
    (value) => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max,
    max === Number.MAX_SAFE_INTEGER
      ? `must be a whole number from ${min} up`
      : `must be a whole number from ${min} to ${max}`,
  );

export const oneOf = (...values: (string | number)[]): Check =>
  unless(
    (value) => values.some((allowed) => allowed === value),
    `must be ${values
      .map((value) => JSON.stringify(value))
      .join(', ')
      .replace(/, ([^,]*)$/, ' or $1')}`,
  );

export const listOf = (check: Check): Check =>
  unless(
    (value) => Array.isArray(value) && value.every((item) => check(item) === undefined),
    'must be a list, of which every item ' + (check(undefined) ?? 'is allowed'),
  );

export const either = (...checks: Check[]): Check => {
  return (value) => {
    const problems = checks.map((check) => check(value));
    return problems.includes(undefined) ? undefined : problems.join(', or ');
  };
};

/** Without the fields that are undefined: to spread over defaults. */
export function defined<T extends object>(members: T): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

/**
 * Checks every field of `input`: known, well-formed, and present if required.
 * @throws ControlInputError at the first field that is not
 */
export function checkMembers(input: unknown, checks: Checks, required: readonly string[] = []): void {
  if (!isObject(input)) throw new ControlInputError('body', 'must be a JSON object');
  for (const [field, value] of Object.entries(input)) {
    if (value === undefined) continue;
    const check = Object.hasOwn(checks, field) ? checks[field] : undefined;
    if (!check) {
      throw new ControlInputError(field, `is not known here; known are ${Object.keys(checks).join(', ')}`);
    }
    const problem = check(value);
    if (problem) throw new ControlInputError(field, problem);
  }
  for (const field of required) {
    if (input[field] === undefined) throw new ControlInputError(field, 'is missing');
  }
}
