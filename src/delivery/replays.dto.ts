import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsInt, Matches, Max, Min } from 'class-validator';
import { DecisionDto } from '../audit/decision.dto.js';
import { IsInstant } from '../validation/instant.js';
import { IsOptionalNotNull } from '../validation/optional-not-null.decorator.js';
import { IsOpaqueId } from '../validation/opaque-id.js';
import { IsCursor, PaginationQueryDto } from '../validation/pagination.dto.js';
import { REPLAY_STATUSES } from './replays.service.js';
import type { Replay, ReplayStatus } from './replays.service.js';

const ID_PATTERN = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

export class ReplaysQueryDto extends PaginationQueryDto {
  /** The `next` of an earlier response. */
  @IsCursor((cursor) => ID_PATTERN.test(cursor))
  readonly after?: string;
}

export class ReplayParamsDto {
  @Matches(ID_PATTERN, { message: 'id must be the id of a replay' })
  @ApiProperty({ example: '6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1' })
  readonly id!: string;
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

/** A replay that has started. */
export class ReplayStartedDto {
  /** @example '6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1' */
  readonly id!: string;
  /**
   * Rows in the window.
   * @example 1200
   */
  readonly count!: number;
}

/** What a replay would send. */
export class ReplayPreviewDto {
  @ApiProperty({ type: 'null' })
  readonly id!: null;
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
  /** `paused` and `cancelled`: a caller did so. While the consumer is paused, its replays are still `running`, and wait. */
  @ApiProperty({ enum: REPLAY_STATUSES, enumName: 'ReplayStatus', example: 'running' })
  readonly status!: ReplayStatus;
  /** @example '2026-01-31T00:00:00.000Z' */
  readonly from!: string;
  /** @example '2026-02-01T00:00:00.000Z' */
  readonly to!: string;
  /** @example 1200 */
  readonly count!: number;
  /**
   * Rows that have become due so far. They are sent even if the replay is cancelled.
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
  /** When all rows had become due, or the replay was cancelled. */
  @ApiProperty({ type: String, nullable: true, example: '2026-02-02T08:00:12.000Z' })
  readonly finished_at!: string | null;
}

export class ReplaysDto {
  /** Newest first. */
  readonly items!: ReplayDto[];
  /** The cursor for the next page, of earlier replays; null after the first replay of all. */
  @ApiProperty({ type: String, nullable: true, example: null })
  readonly next!: string | null;
}

export function toReplayDto(replay: Replay): ReplayDto {
  return {
    id: replay.id,
    consumer: replay.consumer,
    status: replay.status,
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
