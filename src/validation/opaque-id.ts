import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ValidateBy } from 'class-validator';

export const MAX_ID_LENGTH = 256;

/** Whether an id can be a path segment: clients, proxies and servers resolve "." and "..", however they are encoded. */
export function isPathSafeId(value: unknown): value is string {
  return findIdViolation(value) === undefined && !hasDotSegment(value);
}

/**
 * Marks a property with an id that another system made: 1 to 256 characters, no control characters, and encodable as UTF-8.
 * `example` is what the API description shows.
 */
export function IsOpaqueId(example: string, { required = true } = {}): PropertyDecorator {
  return idProperty(example, (value) => findIdViolation(value), { required });
}

/** Marks a property with a string under the same rules, with its own maximum length. */
export function IsBoundedString(
  example: string,
  { maxLength = MAX_ID_LENGTH, required = true } = {},
): PropertyDecorator {
  return idProperty(example, (value) => findIdViolation(value, maxLength), { maxLength, required });
}

function idProperty(
  example: string,
  findViolation: (value: unknown) => string | undefined,
  { maxLength = MAX_ID_LENGTH, required = true } = {},
): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ type: String, minLength: 1, maxLength, example, required }),
    ValidateBy({
      name: 'isOpaqueId',
      validator: {
        validate: (value) => findViolation(value) === undefined,
        defaultMessage: (args) => `${args?.property} ${findViolation(args?.value)}`,
      },
    }),
  );
}

function hasDotSegment(value: unknown): boolean {
  return typeof value === 'string' && value.split(/[/\\]/).some((part) => part === '.' || part === '..');
}

function findIdViolation(value: unknown, maxLength = MAX_ID_LENGTH): string | undefined {
  if (value === undefined) return 'is required';
  if (Array.isArray(value)) return 'must be given once, as a string';
  if (typeof value !== 'string') return 'must be a string';
  if (value === '') return 'must not be empty';
  if (!value.isWellFormed()) return 'must be valid UTF-8, percent-encoded in a URL';
  // A character has one or two code units, so most strings need not be counted.
  if (value.length > 2 * maxLength || (value.length > maxLength && Array.from(value).length > maxLength))
    return `must have at most ${maxLength} characters`;
  if (/\p{Cc}/u.test(value)) return 'must not contain control characters';
  return undefined;
}
