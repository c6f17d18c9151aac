import { Injectable, ValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata, PipeTransform, ValidationError, ValidationPipeOptions } from '@nestjs/common';
import type { ValidatorOptions } from 'class-validator';
import { Problem } from '../problem/problem.js';
import type { Violation } from '../problem/problem.js';
import { accepts, acceptsPlain, validatedProperties } from './accepts.js';
import { findBodyViolation, pointerTo } from './body-limits.js';
import { unknownParameters, validationProblem } from './unknown-parameters.js';

const VALIDATION_OPTIONS: ValidationPipeOptions = {
  transform: true,
  whitelist: true,
  validationError: { target: false, value: false },
  exceptionFactory: (errors) => validationProblem(violations(errors)),
};

/** Asks class-validator only about what it would not accept. */
class QuickValidationPipe extends ValidationPipe {
  protected override validate(
    object: object,
    options?: ValidatorOptions,
  ): Promise<ValidationError[]> | ValidationError[] {
    return accepts(object) ? [] : super.validate(object, options);
  }
}

/** Validates requests against the DTO classes, and lists every violation. */
@Injectable()
export class RequestValidationPipe implements PipeTransform {
  private readonly paramPipe = new QuickValidationPipe(VALIDATION_OPTIONS);
  private readonly bodyPipe = new QuickValidationPipe({ ...VALIDATION_OPTIONS, forbidNonWhitelisted: true });

  transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'query') return this.transformQuery(value as object, metadata);
    if (metadata.type !== 'body') return this.paramPipe.transform(value, metadata);
    // Where every property may be absent, the body may be as well.
    if (value === undefined && acceptsPlain({}, metadata.metatype)) return Promise.resolve({});
    requireObject(value);
    if (acceptsPlain(value, metadata.metatype)) return Promise.resolve(value);
    return this.bodyPipe.transform(value, metadata);
  }

  /** By names of our own: validators take a parameter named like a property of every object for an allowed one. */
  private async transformQuery(query: object, metadata: ArgumentMetadata): Promise<unknown> {
    const unknown = unknownParameters(query, validatedProperties(metadata.metatype!));
    if (unknown.length === 0) return this.paramPipe.transform(query, metadata);
    const others = await this.paramPipe.transform(query, metadata).then(
      () => [],
      (error: unknown) => (error instanceof Problem ? (error.fields.errors ?? []) : []),
    );
    throw validationProblem([...unknown, ...others]);
  }
}

function requireObject(value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw validationProblem([{ pointer: '', detail: 'the body must be a JSON object' }]);
  const violation = findBodyViolation(value);
  if (violation) throw validationProblem([violation]);
}

function violations(errors: readonly ValidationError[], parent = ''): Violation[] {
  return errors.flatMap(({ property, constraints, children }) => {
    const pointer = parent + pointerTo(property);
    const own = Object.entries(constraints ?? {}).map(([rule, detail]) => ({
      pointer,
      detail: rule === 'whitelistValidation' ? `${property} is not an allowed property` : detail,
    }));
    return [...own, ...violations(children ?? [], pointer)];
  });
}
