import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ValidateBy } from 'class-validator';

const INSTANT_PATTERN = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(\.\d{1,9})?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/;

/** Whether a value is an existing date and time of day (ISO 8601, extended format), with or without a zone. */
export function isInstant(value: unknown): value is string {
  const [, minutes, seconds = ':00'] = (typeof value === 'string' && INSTANT_PATTERN.exec(value)) || [];
  if (minutes === undefined) return false;
  const at = new Date(`${minutes}${seconds}Z`);
  // The Date of 30 February is 2 March.
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(minutes + seconds);
}

/** The same instant in UTC, which it is if it has no zone. The digits of its fraction are kept. */
export function toUtc(instant: string): string {
  const [, minutes, seconds = ':00', fraction = '', zone = 'Z'] = INSTANT_PATTERN.exec(instant) ?? [];
  if (minutes === undefined) return instant;
  const utc = new Date(`${minutes}${seconds}${zone}`).toISOString();
  return `${utc.slice(0, 'yyyy-mm-ddThh:mm:ss'.length)}${fraction}Z`;
}

/** Marks a property with an instant; without a zone it is UTC. */
export function IsInstant(example: string, { required = true } = {}): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ type: String, format: 'date-time', example, required }),
    Transform(({ value }: { value: unknown }) => (isInstant(value) ? toUtc(value) : value)),
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
