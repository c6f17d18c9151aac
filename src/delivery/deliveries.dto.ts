import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import { DecisionDto } from '../audit/decision.dto.js';
import { IsInstant } from '../validation/instant.js';
import { IsOptionalNotNull } from '../validation/optional-not-null.decorator.js';
import { IsOpaqueId } from '../validation/opaque-id.js';
import { IsCursor, PaginationQueryDto } from '../validation/pagination.dto.js';
import { IssuanceDto } from '../ledger/issuances.dto.js';
import type { Delivery } from './deliveries.service.js';
import { CURRENCY_ISSUED } from './webhook-event.js';
import type { Replay } from './replays.service.js';

const DELIVERY_STATUSES = ['pending', 'delivered', 'dead'] as const;

export class DeliveriesQueryDto extends PaginationQueryDto {
  /** Only deliveries to this consumer. */
  @IsOptional()
  @IsOpaqueId('wallet', { required: false })
  readonly consumer?: string;

  /** Only deliveries with this status. */
  @IsOptional()
  @IsIn(DELIVERY_STATUSES)
  @ApiProperty({ enum: DELIVERY_STATUSES, required: false })
  readonly status?: (typeof DELIVERY_STATUSES)[number];

  /** The `next` of an earlier response. */
  @IsCursor((cursor) => parseDeliveryId(cursor) !== undefined)
  readonly after?: string;
}

export class DeliveryParamsDto {
  @IsOpaqueId('dlv_17')
  readonly id!: string;
}

export class ReplayParamsDto {
  @Matches(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/, { message: 'id must be the id of a replay' })
  @ApiProperty({ example: '6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1' })
  readonly id!: string;
}

/** The delivery of a ledger row to a consumer. */
export class DeliveryDto {
  /** @example 'dlv_17' */
  readonly id!: string;
  /**
   * The id of the ledger row, which is also the `webhook-id` of every attempt.
   * @example 'iss_0190c1d2e3f4000000112233445566aa'
   */
  readonly issuance_id!: string;
  /** @example 'wallet' */
  readonly consumer!: string;
  /** `dead`: not accepted within three days; waits for a manual retry. */
  @ApiProperty({ enum: DELIVERY_STATUSES, example: 'pending' })
  readonly status!: (typeof DELIVERY_STATUSES)[number];
  /** @example 3 */
  readonly attempts!: number;
  /** The last HTTP status of the consumer; null if there was no response. */
  @ApiProperty({ type: Number, nullable: true, example: 503 })
  readonly last_status!: number | null;
  /** Null unless pending. */
  @ApiProperty({ type: String, nullable: true, example: '2026-01-31T12:00:20.000Z' })
  readonly next_attempt_at!: string | null;
}

export class DeliveriesDto {
  /** Oldest first. */
  readonly items!: DeliveryDto[];
  /**
   * The cursor for the next page; also returned after the last delivery, for later ones.
   * @example 'dlv_17'
   */
  readonly next!: string;
}

/** The entries to send again. */
export class ReplayRequestDto extends DecisionDto {
  /** A name in DELIVERY_CONSUMERS. */
  @IsOpaqueId('wallet')
  readonly consumer!: string;

  /** Callbacks that entered the ledger at this time or later. */
  @IsInstant('2026-01-31T00:00:00Z')
  readonly from!: string;

  /** And before this time. Entries after the request are never included. */
  @IsInstant('2026-02-01T00:00:00Z')
  readonly to!: string;

  /** Only count the entries. */
  @IsOptionalNotNull()
  @IsBoolean()
  @ApiProperty({ required: false })
  readonly dry_run: boolean = false;

  /** Rows that become due per second. */
  @IsOptionalNotNull()
  @IsInt()
  @Min(1)
  @Max(1000)
  @ApiProperty({ type: 'integer', required: false })
  readonly rate_per_second: number = 100;
}

export class ReplayStartedDto {
  /** Null after a dry run. */
  @ApiProperty({ type: String, nullable: true, example: '6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1' })
  readonly id!: string | null;
  /**
   * Rows in the window.
   * @example 1200
   */
  readonly count!: number;
}

/** A replay and its progress. */
export class ReplayDto {
  /** @example '6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1' */
  readonly id!: string;
  /** @example 'wallet' */
  readonly consumer!: string;
  /** @example '2026-01-31T00:00:00.000Z' */
  readonly from!: string;
  /** @example '2026-02-01T00:00:00.000Z' */
  readonly to!: string;
  /** @example 1200 */
  readonly count!: number;
  /**
   * Rows that have become due so far.
   * @example 400
   */
  readonly done!: number;
  /** @example '2026-02-02T08:00:00.000Z' */
  readonly created_at!: string;
  /** The caller who asked for it; null for a replay of an earlier version. */
  @ApiProperty({ type: String, nullable: true, example: 'operations' })
  readonly requested_by!: string | null;
  /** The `X-Request-Id` of that request. */
  @ApiProperty({ type: String, nullable: true, example: '0190c1d2-e3f4-7000-8000-112233445566' })
  readonly request_id!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  readonly finished_at!: string | null;
}

/** The event that a consumer receives (Standard Webhooks). */
export class CurrencyIssuedEventDto {
  @ApiProperty({ enum: [CURRENCY_ISSUED], example: CURRENCY_ISSUED })
  readonly type!: string;
  /**
   * When the row was accepted.
   * @example '2026-01-31T12:00:00.000Z'
   */
  readonly timestamp!: string;
  readonly data!: IssuanceDto;
}

const ID_PREFIX = 'dlv_';
const ID_PATTERN = /^dlv_(0|[1-9]\d{0,17})$/;

/** @returns the number in the id of a delivery; undefined if the id is malformed */
export function parseDeliveryId(id: string): string | undefined {
  return ID_PATTERN.exec(id)?.[1];
}

export function toDeliveryDto(delivery: Delivery): DeliveryDto {
  const { id, issuanceId, consumer, status, attempts, lastStatus, nextAttemptAt } = delivery;
  return {
    id: ID_PREFIX + id,
    issuance_id: issuanceId,
    consumer,
    status,
    attempts,
    last_status: lastStatus,
    next_attempt_at: nextAttemptAt?.toISOString() ?? null,
  };
}

export function toReplayDto(replay: Replay): ReplayDto {
  return {
    id: replay.id,
    consumer: replay.consumer,
    from: replay.window.from.toISOString(),
    to: replay.window.to.toISOString(),
    count: replay.totalCount,
    done: replay.processedCount,
    created_at: replay.createdAt.toISOString(),
    requested_by: replay.requestedBy,
    request_id: replay.requestId,
    finished_at: replay.finishedAt?.toISOString() ?? null,
  };
}
