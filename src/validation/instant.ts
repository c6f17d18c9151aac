import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ValidateBy } from 'class-validator';

const INSTANT_PATTERN = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(\.\d{1,9})?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/;

/**
 * Reads a date and time of day (ISO 8601, extended format), with or without a zone.
 * @returns the same instant in UTC, which it is if it has no zone, with all digits of its fraction; undefined if there is none
 */
export function parseInstant(value: unknown): string | undefined {
  const match = typeof value === 'string' ? INSTANT_PATTERN.exec(value) : null;
  if (!match) return undefined;
  const [, minutes = '', seconds = ':00', fraction = '', zone = 'Z'] = match;
  const local = minutes + seconds;
  const at = new Date(`${local}Z`);
  // The Date of 30 February is 2 March.
  if (Number.isNaN(at.getTime()) || !at.toISOString().startsWith(local)) return undefined;
  const utc = zone === 'Z' ? local : new Date(local + zone).toISOString().slice(0, local.length);
  return `${utc}${fraction}Z`;
}

export function isInstant(value: unknown): value is string {
  return parseInstant(value) !== undefined;
}

/** Marks a property with an instant; without a zone it is UTC. */
export function IsInstant(example: string, { required = true } = {}): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ type: String, format: 'date-time', example, required }),
    Transform(({ value }: { value: unknown }) => parseInstant(value) ?? value),
    ValidateBy({
      name: 'isInstant',
      validator: {
        validate: isInstant,
        defaultMessage: (args) =>
          `${args?.property} ${args?.value === undefined ? 'is required' : 'must be a date and time (ISO 8601), such as 2015-01-28T01:32:22.852Z'}`,
      },
    }),
  );
}
