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

/** Checks what callers send against the DTO classes; every violation is listed. */
@Injectable()
export class RequestValidationPipe implements PipeTransform {
  private readonly paramPipe = new ValidationPipe(VALIDATION_OPTIONS);
  /** Members of a body that nobody knows are mistakes; parameters of a URL may be there for others. */
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
  const oddity = findBodyViolation(value);
  if (oddity) throw validationProblem([oddity]);
}

function validationProblem(errors: Violation[]): Problem {
  const detail = errors.length === 1 ? `${errors[0]!.detail}.` : 'See errors for what to correct.';
  return Problem.of('validation', detail, { errors, retryable: false });
}

function violations(errors: readonly ValidationError[], parent = ''): Violation[] {
  return errors.flatMap(({ property, constraints, children }) => {
    const at = parent + pointerTo(property);
    const own = Object.entries(constraints ?? {}).map(([rule, detail]) => ({
      pointer: at,
      detail: rule === 'whitelistValidation' ? `${property} is not an allowed property` : detail,
    }));
    return [...own, ...violations(children ?? [], at)];
  });
}
