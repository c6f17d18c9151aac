import { ValidateIf } from 'class-validator';

/** Marks a member that may be left out. Unlike `IsOptional`, it does not let `null` in. */
export function IsOptionalNotNull(): PropertyDecorator {
  return ValidateIf((_: object, value: unknown) => value !== undefined);
}
