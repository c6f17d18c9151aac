import { applyDecorators } from '@nestjs/common';
import { Type } from 'class-transformer';
import { IsObject, ValidateNested } from 'class-validator';
import { noteNestedType } from './accepts.js';

type NestedType = () => new () => object;

/** Validates a property that is a nested object. `IsObject` rejects arrays, which `ValidateNested` alone would accept. */
export function IsNestedObject(type: NestedType): PropertyDecorator {
  return applyDecorators(IsObject(), ValidateNested(), Type(type), nestedType(type));
}

/** Validates the objects in a property that is an array. */
export function AreNestedObjects(type: NestedType, message?: string): PropertyDecorator {
  return applyDecorators(
    ValidateNested({ each: true, ...(message !== undefined && { message }) }),
    Type(type),
    nestedType(type),
  );
}

function nestedType(type: NestedType): PropertyDecorator {
  return (prototype, property) => noteNestedType(prototype.constructor, String(property), type);
}
