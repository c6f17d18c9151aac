import { ApiProperty } from '@nestjs/swagger';

const series = ApiProperty({
  type: 'array',
  items: { type: ['number', 'null'], format: 'double' },
} as object);

/** A value for each step, oldest first; null where there is none. */
export class MetricsSeriesDto {
  /** Accepted in a second. */
  @series
  readonly callbacks!: readonly (number | null)[];
  @series
  readonly callbacks_rejected!: readonly (number | null)[];
  /** Successful attempts in a second; null with `ROLE=api`. */
  @series
  readonly deliveries!: readonly (number | null)[];
  @series
  readonly deliveries_failed!: readonly (number | null)[];
  /** Lookups of hub summaries in a second. */
  @series
  readonly counts!: readonly (number | null)[];
  /** Those answered from the cache. */
  @series
  readonly counts_cached!: readonly (number | null)[];
  /** Mean duration of an attempt. */
  @series
  readonly kigo_ms!: readonly (number | null)[];
  @series
  readonly kiip_ms!: readonly (number | null)[];
  /** Pending deliveries of all replicas, if they have been counted. */
  @series
  readonly backlog!: readonly (number | null)[];
}

export class MetricsHistoryDto {
  /** The name of the host or pod. */
  readonly replica!: string;
  readonly step_seconds!: number;
  /**
   * The end of the last step.
   * @example '2026-01-31T12:00:00.000Z'
   */
  readonly to!: string;
  readonly series!: MetricsSeriesDto;
}
