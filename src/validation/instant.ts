import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ValidateBy } from 'class-validator';

const INSTANT_PATTERN =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(?:\.\d{1,9})?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/;

/** Whether a value is an existing date and time of day (ISO 8601, extended format), with or without a zone. */
export function isInstant(value: unknown): value is string {
  const [, minutes, seconds = ':00'] = (typeof value === 'string' && INSTANT_PATTERN.exec(value)) || [];
  if (minutes === undefined) return false;
  const at = new Date(`${minutes}${seconds}Z`);
  // The Date of 30 February is 2 March.
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(minutes + seconds);
}

/** The same instant with a zone: UTC if it has none. The digits are not changed. */
export function withZone(instant: string): string {
  return INSTANT_PATTERN.exec(instant)?.[3] === undefined ? `${instant}Z` : instant;
}

/** Marks a property with an instant; without a zone it is UTC. */
export function IsInstant(example: string, { required = true } = {}): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ type: String, format: 'date-time', example, required }),
    Transform(({ value }: { value: unknown }) => (isInstant(value) ? withZone(value) : value)),
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
