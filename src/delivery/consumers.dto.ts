import { ApiProperty } from '@nestjs/swagger';
import { IsOpaqueId } from '../validation/opaque-id.js';
import { isSuccess } from './consumer-http.js';
import { PAUSE_CAUSES } from './consumer-pauses.queries.js';
import type { Pause } from './consumer-pauses.queries.js';
import type { ConsumerState, ConsumersService } from './consumers.service.js';

export class ConsumerParamsDto {
  @IsOpaqueId('wallet')
  readonly name!: string;
}

/** Since when, and why, a consumer gets no deliveries. */
export class PauseDto {
  /** @example '2026-01-31T12:00:00.000Z' */
  readonly since!: string;
  /** `gone`: it responded 410; this pause also ends when its URL changes, or with a retry or replay. `manual`: a caller paused it. */
  @ApiProperty({ enum: PAUSE_CAUSES, enumName: 'PauseCause', example: 'manual' })
  readonly cause!: Pause['cause'];
  /** Who paused it; null after a 410, and where callers are not authenticated. */
  @ApiProperty({ type: String, nullable: true, example: 'operations' })
  readonly caller!: string | null;
  /** The `X-Request-Id` of that request. */
  @ApiProperty({ type: String, nullable: true, example: '0190c1d2-e3f4-7000-8000-112233445566' })
  readonly request_id!: string | null;
  /** Null if none was given. */
  @ApiProperty({ type: String, nullable: true, example: 'It counts twice, ticket 4712' })
  readonly reason!: string | null;
}

/** A consumer of DELIVERY_CONSUMERS. */
export class ConsumerDto {
  /** @example 'wallet' */
  readonly name!: string;
  /**
   * Its URL, without path and query.
   * @example 'https://wallet.example'
   */
  readonly origin!: string;
  /** Null while deliveries are sent. */
  @ApiProperty({ type: PauseDto, nullable: true })
  readonly paused!: PauseDto | null;
  /** The circuit breaker of the process that answers; null if it does not deliver (`ROLE=api`). */
  @ApiProperty({
    enum: ['closed', 'half-open', 'open'],
    enumName: 'BreakerState',
    nullable: true,
    example: 'closed',
  })
  readonly breaker!: string | null;
  /**
   * Pending deliveries; 10000 stands for any larger number.
   * @example 3
   */
  @ApiProperty({ maximum: 10_000 })
  readonly pending!: number;
  /**
   * Dead deliveries, likewise.
   * @example 0
   */
  @ApiProperty({ maximum: 10_000 })
  readonly dead!: number;
}

export class ConsumersDto {
  /** In the order of DELIVERY_CONSUMERS. */
  readonly items!: ConsumerDto[];
}

/** What a consumer answered to a test event. */
export class TestResultDto {
  /**
   * The `webhook-id` of the event.
   * @example 'test_6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1'
   */
  readonly id!: string;
  /** Whether the consumer accepted it, with any 2xx. */
  readonly accepted!: boolean;
  /** The HTTP status of the consumer; null if there was no response. */
  @ApiProperty({ type: Number, nullable: true, example: 204 })
  readonly status!: number | null;
  /**
   * The result in words, such as why there was no response.
   * @example 'accepted'
   */
  readonly outcome!: string;
  /** @example 12 */
  readonly duration_ms!: number;
}

export function toConsumerDto({ pause, breaker, ...rest }: ConsumerState): ConsumerDto {
  const { name, origin, pending, dead } = rest;
  return { name, origin, paused: pause ? toPauseDto(pause) : null, breaker: breaker ?? null, pending, dead };
}

function toPauseDto({ since, cause, caller, requestId, reason }: Pause): PauseDto {
  return { since: since.toISOString(), cause, caller, request_id: requestId, reason };
}

export function toTestResultDto(result: Awaited<ReturnType<ConsumersService['sendTest']>>): TestResultDto {
  const { id, status, outcome, durationMs } = result;
  return { id, accepted: isSuccess(status), status: status ?? null, outcome, duration_ms: durationMs };
}
