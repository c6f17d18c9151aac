import { ApiProperty } from '@nestjs/swagger';
import { IssuanceDto, toIssuanceDto } from '../ledger/issuances.dto.js';
import type { LedgerEntry } from '../ledger/ledger-entry.js';
import { isSuccess } from '../delivery/consumer-http.js';
import type { DeliveriesService } from '../delivery/deliveries.service.js';
import { DeliveryDto, toDeliveryDto } from '../delivery/deliveries.dto.js';

/** How a row came to be. */
export class VerificationDto {
  /**
   * The formula that the signature was made with.
   * @example 'redemption'
   */
  readonly formula!: string;
  /**
   * Which of the configured secrets made it, in their order at the time.
   * @example 'secret-1'
   */
  readonly secret!: string;
  /**
   * The quantity as the text that arrived.
   * @example '20'
   */
  readonly quantity_text!: string;
  /** When a quarantine ended. */
  @ApiProperty({ type: String, nullable: true, example: null })
  readonly resolved_at!: string | null;
  /**
   * How often the same callback came again.
   * @example 0
   */
  readonly duplicates!: number;
}

const TIMELINE_EVENTS = [
  'received',
  'verified',
  'committed',
  'quarantined',
  'released',
  'discarded',
  'attempted',
  'delivered',
  'dead',
] as const;

/** Something that happened to a row. */
export class TimelineEventDto {
  /** @example '2026-01-31T12:00:00.000Z' */
  readonly at!: string;
  @ApiProperty({ enum: TIMELINE_EVENTS, example: 'attempted' })
  readonly event!: (typeof TIMELINE_EVENTS)[number];
  /** Of a delivery. */
  @ApiProperty({ type: String, required: false, example: 'wallet' })
  readonly consumer?: string;
  /** What the consumer answered; null where there was no answer. */
  @ApiProperty({ type: Number, nullable: true, required: false, example: 200 })
  readonly status?: number | null;
  @ApiProperty({ type: Number, required: false, example: 12 })
  readonly duration_ms?: number;
  /** The formula that fitted, why the row was quarantined, what became of an attempt. */
  @ApiProperty({ type: String, required: false, example: 'accepted' })
  readonly detail?: string;
}

/** A row of the ledger, how it was verified, and what has become of it. */
export class IssuanceHistoryDto extends IssuanceDto {
  readonly verification!: VerificationDto;
  /** One for each consumer; none while the row waits for a decision. */
  readonly deliveries!: DeliveryDto[];
  /** All that happened, oldest first. */
  readonly timeline!: TimelineEventDto[];
}

export type EntryHistory = Awaited<ReturnType<DeliveriesService['historyOf']>>;

export function toIssuanceHistoryDto(row: LedgerEntry, history: EntryHistory): IssuanceHistoryDto {
  return Object.assign(toIssuanceDto(row), {
    verification: {
      formula: row.verification.formula,
      secret: row.verification.secretLabel,
      quantity_text: row.quantityText,
      resolved_at: row.resolvedAt?.toISOString() ?? null,
      duplicates: row.duplicates,
    },
    deliveries: history.deliveries.map(toDeliveryDto),
    timeline: buildTimeline(row, history),
  });
}

interface TimelineEvent extends Omit<TimelineEventDto, 'at'> {
  readonly at: Date;
}

function buildTimeline(row: LedgerEntry, history: EntryHistory): TimelineEventDto[] {
  // Sorting keeps the order of what happened in the same millisecond.
  return [
    ...ledgerEvents(row, history),
    ...history.deliveries.flatMap((delivery) => [...deliveryEvents(delivery)]),
  ]
    .toSorted((a, b) => a.at.getTime() - b.at.getTime())
    .map(({ at, ...rest }) => ({ at: at.toISOString(), ...rest }));
}

function* ledgerEvents(row: LedgerEntry, { acceptedAt }: EntryHistory): Iterable<TimelineEvent> {
  const { receivedAt, resolvedAt, status } = row;
  yield { at: receivedAt, event: 'received' };
  yield { at: receivedAt, event: 'verified', detail: row.verification.formula };
  if (row.reason !== null) yield { at: receivedAt, event: 'quarantined', detail: row.reason };
  if (resolvedAt && status === 'discarded') yield { at: resolvedAt, event: 'discarded' };
  if (resolvedAt && status === 'released') yield { at: resolvedAt, event: 'released' };
  // The database's clock, which may differ a little from ours.
  if (acceptedAt)
    yield { at: new Date(Math.max(+acceptedAt, +(resolvedAt ?? receivedAt))), event: 'committed' };
}

function* deliveryEvents(delivery: EntryHistory['deliveries'][number]): Iterable<TimelineEvent> {
  const { consumer, endedAt, log, status: state } = delivery;
  for (const { at, status, durationMs, outcome } of log) {
    yield { at, event: 'attempted', consumer, status, duration_ms: durationMs, detail: outcome };
    // A retry or a replay may deliver it more than once.
    if (isSuccess(status)) yield { at: new Date(at.getTime() + durationMs), event: 'delivered', consumer };
  }
  if (endedAt && state === 'dead') yield { at: endedAt, event: 'dead', consumer };
}
