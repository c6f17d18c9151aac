import { ValidateIf } from 'class-validator';

/** Marks a property that may be absent. Unlike `IsOptional`, it does not allow `null`. */
export function IsOptionalNotNull(): PropertyDecorator {
  return ValidateIf((_: object, value: unknown) => value !== undefined);
}
