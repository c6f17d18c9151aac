import { Injectable, ValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata, PipeTransform, ValidationError, ValidationPipeOptions } from '@nestjs/common';
import { Problem } from '../problem/problem.js';
import type { Violation } from '../problem/problem.js';
import { findBodyViolation, pointerTo } from './body-limits.js';

const VALIDATION_OPTIONS: ValidationPipeOptions = {
  transform: true,
  whitelist: true,
  validationError: { target: false, value: false },
  exceptionFactory: (errors) => validationProblem(violations(errors)),
};

/** Validates requests against the DTO classes, and lists every violation. */
@Injectable()
export class RequestValidationPipe implements PipeTransform {
  private readonly paramPipe = new ValidationPipe(VALIDATION_OPTIONS);
  /** Unknown properties of a body are mistakes; unknown parameters of a URL may be for others, such as a proxy. */
  private readonly bodyPipe = new ValidationPipe({ ...VALIDATION_OPTIONS, forbidNonWhitelisted: true });

  transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type !== 'body') return this.paramPipe.transform(value, metadata);
    requireObject(value);
    return this.bodyPipe.transform(value, metadata);
  }
}

function requireObject(value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw validationProblem([{ pointer: '', detail: 'the body must be a JSON object' }]);
  const violation = findBodyViolation(value);
  if (violation) throw validationProblem([violation]);
}

function validationProblem(errors: Violation[]): Problem {
  const detail = errors.length === 1 ? `${errors[0]!.detail}.` : 'See errors for what to correct.';
  return Problem.of('validation', detail, { errors, retryable: false });
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
