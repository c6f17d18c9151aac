import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ValidateBy } from 'class-validator';

export const MAX_ID_LENGTH = 256;

/** An id of somebody else's making: 1 to 256 characters, none of them a control character, and encodable as UTF-8. */
export function isOpaqueId(value: unknown): value is string {
  return findIdViolation(value) === undefined;
}

/** Such an id as a segment of a path: a client, a proxy or a server would take "." and ".." for steps, however they are encoded. */
export function isPathSafeId(value: unknown): value is string {
  return isOpaqueId(value) && !hasDotSegment(value);
}

/** Marks a member that holds such an id. `example` is what the API description shows. */
export function IsOpaqueId(example: string, { required = true } = {}): PropertyDecorator {
  return idProperty(example, (value) => findIdViolation(value), { required });
}

/** Marks a member that holds an id which becomes a segment of a path. */
export function IsPathSafeId(example: string): PropertyDecorator {
  return idProperty(
    example,
    (value) =>
      findIdViolation(value) ??
      (hasDotSegment(value) ? 'must not have "." or ".." for a step of a path' : undefined),
  );
}

/** Marks a member that holds a text under the same rules, up to a length of its own. */
export function IsBoundedString(
  example: string,
  { longest = MAX_ID_LENGTH, required = true } = {},
): PropertyDecorator {
  return idProperty(example, (value) => findIdViolation(value, longest), { maxLength: longest, required });
}

function idProperty(
  example: string,
  fault: (value: unknown) => string | undefined,
  { maxLength = MAX_ID_LENGTH, required = true } = {},
): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ type: String, minLength: 1, maxLength, example, required }),
    ValidateBy({
      name: 'isOpaqueId',
      validator: {
        validate: (value) => fault(value) === undefined,
        defaultMessage: (args) => `${args?.property} ${fault(args?.value)}`,
      },
    }),
  );
}

function hasDotSegment(value: unknown): boolean {
  return typeof value === 'string' && value.split(/[/\\]/).some((part) => part === '.' || part === '..');
}

function findIdViolation(value: unknown, longest = MAX_ID_LENGTH): string | undefined {
  if (value === undefined) return 'is required';
  if (Array.isArray(value)) return 'must be given once, as text';
  if (typeof value !== 'string') return 'must be text';
  if (value === '') return 'must not be empty';
  if (!value.isWellFormed()) return 'must be valid UTF-8, percent-encoded in a URL';
  // A character takes two units at the most: what is longer need not be counted through.
  if (value.length > 2 * longest || Array.from(value).length > longest)
    return `must have at most ${longest} characters`;
  if (/\p{Cc}/u.test(value)) return 'must not have control characters';
  return undefined;
}
