import { Injectable, ValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata, PipeTransform, ValidationError, ValidationPipeOptions } from '@nestjs/common';
import { Problem } from '../problem/problem.js';
import type { Violation } from '../problem/problem.js';
import { findOddity, pointerTo } from './body-limits.js';

const options: ValidationPipeOptions = {
  transform: true,
  whitelist: true,
  validationError: { target: false, value: false },
  exceptionFactory: (errors) => refusal(violations(errors)),
};

/** Checks what callers send against the DTO classes; every violation is listed. */
@Injectable()
export class RequestPipe implements PipeTransform {
  private readonly ofUrl = new ValidationPipe(options);
  /** Members of a body that nobody knows are mistakes; parameters of a URL may be there for others. */
  private readonly ofBody = new ValidationPipe({ ...options, forbidNonWhitelisted: true });

  transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type !== 'body') return this.ofUrl.transform(value, metadata);
    requireObject(value);
    return this.ofBody.transform(value, metadata);
  }
}

function requireObject(value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refusal([{ pointer: '', detail: 'the body must be a JSON object' }]);
  const oddity = findOddity(value);
  if (oddity) throw refusal([oddity]);
}

function refusal(errors: Violation[]): Problem {
  const detail = errors.length === 1 ? `${errors[0]!.detail}.` : 'See errors for what has to be put right.';
  return Problem.of('validation', detail, { errors, retryable: false });
}

function violations(errors: readonly ValidationError[], parent = ''): Violation[] {
  return errors.flatMap(({ property, constraints, children }) => {
    const at = parent + pointerTo(property);
    const own = Object.entries(constraints ?? {}).map(([rule, detail]) => ({
      pointer: at,
      detail: rule === 'whitelistValidation' ? `${property} is not a known member` : detail,
    }));
    return [...own, ...violations(children ?? [], at)];
  });
}
