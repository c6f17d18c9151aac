import { ApiProperty } from '@nestjs/swagger';
import { PROBLEM_TYPES } from './problem.js';

/** One violation of a rule. */
export class ViolationDto {
  /**
   * A JSON pointer (RFC 6901) into the body, or into the parameters of the URL.
   * @example '/external_user_id'
   */
  readonly pointer!: string;
  /** @example 'external_user_id is required' */
  readonly detail!: string;
}

/** Every error response (RFC 9457), as `application/problem+json`. */
export class ProblemDto {
  /**
   * `urn:rewards-gateway:problem:<name>`, or `about:blank` for a status without a name.
   * @example 'urn:rewards-gateway:problem:validation'
   */
  @ApiProperty({ enum: PROBLEM_TYPES, enumName: 'ProblemType' })
  readonly type!: string;
  /** @example 'Invalid request' */
  readonly title!: string;
  /** @example 400 */
  @ApiProperty({ type: 'integer', minimum: 400, maximum: 599 })
  readonly status!: number;
  /** @example 'external_user_id is required.' */
  readonly detail!: string;
  /**
   * The request id, also in `X-Request-Id`.
   * @example 'checkout-4711'
   */
  readonly instance!: string;
  /** Every violation in the request. */
  readonly errors?: ViolationDto[];
  /** The upstream that failed. */
  @ApiProperty({ enum: ['kigo', 'kiip'], enumName: 'Upstream' })
  readonly upstream?: string;
  /** Whether the same request may succeed later. */
  readonly retryable?: boolean;
  /** The result of each check, for a health check. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  readonly checks?: object;
  /** The seconds of `Retry-After`. */
  @ApiProperty({ type: 'integer', minimum: 0 })
  readonly retry_after_seconds?: number;
}
