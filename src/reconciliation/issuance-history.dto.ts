import { ApiProperty } from '@nestjs/swagger';
import { DeliveryDto, toDeliveryDto } from '../delivery/deliveries.dto.js';
import type { EntryHistory } from '../delivery/deliveries.service.js';
import { IssuanceDto, toIssuanceDto } from '../ledger/issuances.dto.js';
import type { LedgerEntry } from '../ledger/ledger-entry.js';
import { formatReason } from '../ledger/quarantine-reason.js';

/** How the callback was verified. */
export class VerificationDto {
  /**
   * The scheme of the signature.
   * @example 'redemption'
   */
  readonly scheme!: string;
  /**
   * The position in KIIP_APP_SECRETS, from 1, of the secret that the callback is signed with.
   * @example 1
   */
  readonly secret_index!: number;
  /**
   * The quantity as received.
   * @example '20'
   */
  readonly quantity_text!: string;
  /** When the quarantine ended. */
  @ApiProperty({ type: String, nullable: true, example: null })
  readonly decided_at!: string | null;
  /**
   * How often the same callback has been received again.
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

/** An event in the history of a row. */
export class TimelineEventDto {
  /** @example '2026-01-31T12:00:00.000Z' */
  readonly at!: string;
  @ApiProperty({ enum: TIMELINE_EVENTS, example: 'attempted' })
  readonly event!: (typeof TIMELINE_EVENTS)[number];
  /** The consumer of a delivery. */
  @ApiProperty({ type: String, required: false, example: 'wallet' })
  readonly consumer?: string;
  /** The HTTP status of the consumer; null if there was no response. */
  @ApiProperty({ type: Number, nullable: true, required: false, example: 200 })
  readonly status?: number | null;
  @ApiProperty({ type: Number, required: false, example: 12 })
  readonly duration_ms?: number;
  /** The scheme of the signature, the reason for the quarantine, or the outcome of the attempt. */
  @ApiProperty({ type: String, required: false, example: 'accepted' })
  readonly detail?: string;
}

/** A ledger row with its verification, deliveries and timeline. */
export class IssuanceHistoryDto extends IssuanceDto {
  readonly verification!: VerificationDto;
  /** One for each consumer; none while the row is quarantined. */
  readonly deliveries!: DeliveryDto[];
  /** All events, oldest first. */
  readonly timeline!: TimelineEventDto[];
}

export function toIssuanceHistoryDto(entry: LedgerEntry, history: EntryHistory): IssuanceHistoryDto {
  return Object.assign(toIssuanceDto(entry), {
    verification: {
      scheme: entry.verification.scheme,
      secret_index: entry.verification.secretIndex,
      quantity_text: entry.quantityText,
      decided_at: entry.resolvedAt?.toISOString() ?? null,
      duplicates: entry.duplicates,
    },
    deliveries: history.deliveries.map(toDeliveryDto),
    timeline: buildTimeline(entry, history),
  });
}

interface TimelineEvent extends Omit<TimelineEventDto, 'at'> {
  readonly at: Date;
}

function buildTimeline(entry: LedgerEntry, history: EntryHistory): TimelineEventDto[] {
  // The sort is stable: it keeps the order of events in the same millisecond.
  return [
    ...ledgerEvents(entry, history),
    ...history.deliveries.flatMap((delivery) => [...deliveryEvents(delivery)]),
  ]
    .toSorted((a, b) => a.at.getTime() - b.at.getTime())
    .map(({ at, ...rest }) => ({ at: at.toISOString(), ...rest }));
}

function* ledgerEvents(entry: LedgerEntry, { acceptedAt }: EntryHistory): Iterable<TimelineEvent> {
  const { receivedAt, resolvedAt, status } = entry;
  yield { at: receivedAt, event: 'received' };
  yield { at: receivedAt, event: 'verified', detail: entry.verification.scheme };
  if (entry.reason) yield { at: receivedAt, event: 'quarantined', detail: formatReason(entry.reason) };
  if (resolvedAt && status === 'discarded') yield { at: resolvedAt, event: 'discarded' };
  if (resolvedAt && status === 'released') yield { at: resolvedAt, event: 'released' };
  // By the clock of the database, which may differ slightly from ours.
  if (acceptedAt)
    yield { at: new Date(Math.max(+acceptedAt, +(resolvedAt ?? receivedAt))), event: 'committed' };
}

function* deliveryEvents(delivery: EntryHistory['deliveries'][number]): Iterable<TimelineEvent> {
  const { consumer, endedAt, attemptLog, status: state } = delivery;
  for (const { at, status, durationMs, outcome, delivered } of attemptLog) {
    yield { at, event: 'attempted', consumer, status, duration_ms: durationMs, detail: outcome };
    // After a retry or a replay, an entry may be delivered more than once.
    if (delivered) yield { at: new Date(at.getTime() + durationMs), event: 'delivered', consumer };
  }
  if (endedAt && state === 'dead') yield { at: endedAt, event: 'dead', consumer };
}
