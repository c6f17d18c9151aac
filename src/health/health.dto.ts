import { ApiProperty } from '@nestjs/swagger';
import type { ApiPropertyOptions } from '@nestjs/swagger';

const CHECKS: ApiPropertyOptions = {
  type: 'object',
  additionalProperties: {
    title: 'HealthCheck',
    type: 'object',
    required: ['status'],
    properties: { status: { title: 'HealthStatus', type: 'string', enum: ['up', 'down'] } },
    additionalProperties: true,
  },
};

/** The report of Terminus. */
export class HealthDto {
  /** @example 'ok' */
  @ApiProperty({ type: String, enum: ['ok'] })
  readonly status!: 'ok';
  /** The checks that passed. */
  @ApiProperty(CHECKS)
  readonly info!: object;
  /** The checks that failed; none in a 200 response. */
  @ApiProperty(CHECKS)
  readonly error!: object;
  /** All checks. */
  @ApiProperty(CHECKS)
  readonly details!: object;
}
