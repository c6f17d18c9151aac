import { ApiProperty } from '@nestjs/swagger';
import { IssuanceDto, issuanceDto } from '../ledger/issuances.dto.js';
import type { LedgerRow } from '../ledger/ledger-entry.js';
import { isTaken } from '../delivery/consumer-http.js';
import type { Deliveries } from '../delivery/deliveries.service.js';
import { DeliveryDto, deliveryDto } from '../delivery/deliveries.dto.js';

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
  readonly decided_at!: string | null;
  /**
   * How often the same callback came again.
   * @example 0
   */
  readonly duplicates!: number;
}

const events = [
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
export class HistoryEventDto {
  /** @example '2026-01-31T12:00:00.000Z' */
  readonly at!: string;
  @ApiProperty({ enum: events, example: 'attempted' })
  readonly event!: (typeof events)[number];
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
  readonly timeline!: HistoryEventDto[];
}

export type RowHistory = Awaited<ReturnType<Deliveries['historyOf']>>;

export function issuanceHistoryDto(row: LedgerRow, history: RowHistory): IssuanceHistoryDto {
  return Object.assign(issuanceDto(row), {
    verification: {
      formula: row.verification.formula,
      secret: row.verification.secretLabel,
      quantity_text: row.quantityText,
      decided_at: row.decidedAt?.toISOString() ?? null,
      duplicates: row.duplicates,
    },
    deliveries: history.deliveries.map(deliveryDto),
    timeline: timeline(row, history),
  });
}

interface Happening extends Omit<HistoryEventDto, 'at'> {
  readonly at: Date;
}

function timeline(row: LedgerRow, history: RowHistory): HistoryEventDto[] {
  // Sorting keeps the order of what happened in the same millisecond.
  return [...ofLedger(row, history), ...history.deliveries.flatMap((delivery) => [...ofDelivery(delivery)])]
    .toSorted((a, b) => a.at.getTime() - b.at.getTime())
    .map(({ at, ...rest }) => ({ at: at.toISOString(), ...rest }));
}

function* ofLedger(row: LedgerRow, { acceptedAt }: RowHistory): Iterable<Happening> {
  const { receivedAt, decidedAt, status } = row;
  yield { at: receivedAt, event: 'received' };
  yield { at: receivedAt, event: 'verified', detail: row.verification.formula };
  if (row.reason !== null) yield { at: receivedAt, event: 'quarantined', detail: row.reason };
  if (decidedAt && status === 'discarded') yield { at: decidedAt, event: 'discarded' };
  if (decidedAt && status === 'released') yield { at: decidedAt, event: 'released' };
  // The database's clock, which may differ a little from ours.
  if (acceptedAt)
    yield { at: new Date(Math.max(+acceptedAt, +(decidedAt ?? receivedAt))), event: 'committed' };
}

function* ofDelivery(delivery: RowHistory['deliveries'][number]): Iterable<Happening> {
  const { consumer, endedAt, log, status: state } = delivery;
  for (const { at, status, durationMs, outcome } of log) {
    yield { at, event: 'attempted', consumer, status, duration_ms: durationMs, detail: outcome };
    // A retry or a replay may deliver it more than once.
    if (isTaken(status)) yield { at: new Date(at.getTime() + durationMs), event: 'delivered', consumer };
  }
  if (endedAt && state === 'dead') yield { at: endedAt, event: 'dead', consumer };
}
