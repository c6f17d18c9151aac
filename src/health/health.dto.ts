import { ApiProperty } from '@nestjs/swagger';
import type { ApiPropertyOptions } from '@nestjs/swagger';

const CHECKS: ApiPropertyOptions = {
  type: 'object',
  additionalProperties: {
    type: 'object',
    required: ['status'],
    properties: { status: { type: 'string', enum: ['up', 'down'] } },
    additionalProperties: true,
  },
};

/** How the checks went: Terminus's report. */
export class HealthDto {
  /** @example 'ok' */
  @ApiProperty({ type: String, enum: ['ok'] })
  readonly status!: 'ok';
  /** The checks that went well. */
  @ApiProperty(CHECKS)
  readonly info!: object;
  /** The checks that failed: none. */
  @ApiProperty(CHECKS)
  readonly error!: object;
  /** All of them. */
  @ApiProperty(CHECKS)
  readonly details!: object;
}
