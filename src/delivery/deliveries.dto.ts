import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { parseRowCursor } from '../database/row-cursor.js';
import { IsOpaqueId } from '../validation/opaque-id.js';
import { IsCursor, OrderedPaginationQueryDto } from '../validation/pagination.dto.js';
import { IssuanceDto } from '../ledger/issuances.dto.js';
import { DELIVERY_PREFIX } from './deliveries.service.js';
import type { Delivery, DeliveryHistory } from './deliveries.service.js';
import { CURRENCY_ISSUED, TEST_EVENT } from './webhook-event.js';

const DELIVERY_STATUSES = ['pending', 'delivered', 'dead'] as const;

export class DeliveriesQueryDto extends OrderedPaginationQueryDto {
  /** Only deliveries to this consumer. */
  @IsOptional()
  @IsOpaqueId('wallet', { required: false })
  readonly consumer?: string;

  /** Only deliveries with this status. */
  @IsOptional()
  @IsIn(DELIVERY_STATUSES)
  @ApiProperty({ enum: DELIVERY_STATUSES, enumName: 'DeliveryStatus', required: false })
  readonly status?: (typeof DELIVERY_STATUSES)[number];

  /** Only deliveries of this ledger row. */
  @IsOptional()
  @IsOpaqueId('iss_0190c1d2e3f4000000112233445566aa', { required: false })
  readonly issuance_id?: string;

  /** The `next` of an earlier response. */
  @IsCursor((cursor) => parseDeliveryCursor(cursor) !== undefined)
  readonly after?: string;
}

export class DeliveryParamsDto {
  @IsOpaqueId('dlv_17')
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
  @ApiProperty({ enum: DELIVERY_STATUSES, enumName: 'DeliveryStatus', example: 'pending' })
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

/** One try to send a delivery. */
export class AttemptDto {
  /** @example '2026-01-31T12:00:00.019Z' */
  readonly at!: string;
  /** The HTTP status of the consumer; null if there was no response. */
  @ApiProperty({ type: Number, nullable: true, example: 503 })
  readonly status!: number | null;
  /**
   * The result in words, such as why there was no response.
   * @example 'rejected'
   */
  readonly outcome!: string;
  /** @example 12 */
  readonly duration_ms!: number;
}

/** A delivery with its attempts. */
export class DeliveryHistoryDto extends DeliveryDto {
  /**
   * When the ledger row was accepted.
   * @example '2026-01-31T12:00:00.000Z'
   */
  readonly accepted_at!: string;
  /** When it was delivered, or moved to the dead letters; null while it is pending. */
  @ApiProperty({ type: String, nullable: true, example: '2026-02-03T12:00:00.531Z' })
  readonly ended_at!: string | null;
  /** Oldest first. Attempts of ended deliveries are deleted after some time, so there may be less than `attempts`. */
  readonly attempt_log!: AttemptDto[];
}

export class DeliveriesDto {
  readonly items!: DeliveryDto[];
  /**
   * The cursor for the next page; also returned after the last delivery, for later ones.
   * @example 'dlv_17-334455aa'
   */
  readonly next!: string;
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

/** The event that `POST /api/v1/deliveries/consumers/{name}/test` sends. */
export class TestEventDto {
  @ApiProperty({ enum: [TEST_EVENT], example: TEST_EVENT })
  readonly type!: string;
  /** @example '2026-01-31T12:00:00.000Z' */
  readonly timestamp!: string;
  /** Empty. */
  @ApiProperty({ type: 'object', additionalProperties: false, example: {} })
  readonly data!: object;
}

export const parseDeliveryCursor = (text: string) => parseRowCursor(DELIVERY_PREFIX, text);

/** @returns the number in the id of a delivery; undefined if the id is malformed */
export function parseDeliveryId(id: string): string | undefined {
  const cursor = parseDeliveryCursor(id);
  return cursor?.token === undefined ? cursor?.id : undefined;
}

export function toDeliveryDto(delivery: Delivery): DeliveryDto {
  const { id, issuanceId, consumer, status, attempts, lastStatus, nextAttemptAt } = delivery;
  return {
    id: DELIVERY_PREFIX + id,
    issuance_id: issuanceId,
    consumer,
    status,
    attempts,
    last_status: lastStatus,
    next_attempt_at: nextAttemptAt?.toISOString() ?? null,
  };
}

export function toDeliveryHistoryDto(delivery: DeliveryHistory): DeliveryHistoryDto {
  const { acceptedAt, endedAt, attemptLog } = delivery;
  return Object.assign(toDeliveryDto(delivery), {
    accepted_at: acceptedAt.toISOString(),
    ended_at: endedAt?.toISOString() ?? null,
    attempt_log: attemptLog.map(({ at, status, outcome, durationMs }) => ({
      at: at.toISOString(),
      status,
      outcome,
      duration_ms: durationMs,
    })),
  });
}
