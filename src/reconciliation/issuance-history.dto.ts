import { ApiProperty } from '@nestjs/swagger';
import type { AuditEntry } from '../audit/audit.service.js';
import { DeliveryDto, toDeliveryDto } from '../delivery/deliveries.dto.js';
import type { EntryHistory } from '../delivery/deliveries.service.js';
import { IssuanceDto, toIssuanceDto } from '../ledger/issuances.dto.js';
import type { LedgerEntry } from '../ledger/ledger-entry.js';
import { formatReason } from '../ledger/quarantine-reason.js';

/** How the callback was verified. */
export class VerificationDto {
  /**
   * The signature scheme.
   * @example 'redemption'
   */
  readonly formula!: string;
  /**
   * The secret that signed the callback, by its position in KIIP_APP_SECRETS at the time.
   * @example 'secret-1'
   */
  readonly secret!: string;
  /**
   * The quantity as received.
   * @example '20'
   */
  readonly quantity_text!: string;
  /** When the quarantine ended. */
  @ApiProperty({ type: String, nullable: true, example: '2026-01-31T13:00:00.000Z' })
  readonly decided_at!: string | null;
  /** The caller who released or discarded the row; null if nobody did. */
  @ApiProperty({ type: String, nullable: true, example: null })
  readonly decided_by!: string | null;
  /** The `X-Request-Id` of the request that did. */
  @ApiProperty({ type: String, nullable: true, example: null })
  readonly decision_request_id!: string | null;
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
  'retried',
  'attempted',
  'delivered',
  'dead',
] as const;

/** An event in the history of a row. */
export class TimelineEventDto {
  /** @example '2026-01-31T12:00:00.000Z' */
  readonly at!: string;
  @ApiProperty({ enum: TIMELINE_EVENTS, enumName: 'TimelineEventKind', example: 'attempted' })
  readonly event!: (typeof TIMELINE_EVENTS)[number];
  /** The consumer of a delivery. */
  @ApiProperty({ type: String, required: false, example: 'wallet' })
  readonly consumer?: string;
  /** The HTTP status of the consumer; null if there was no response. */
  @ApiProperty({ type: Number, nullable: true, required: false, example: 200 })
  readonly status?: number | null;
  @ApiProperty({ type: Number, required: false, example: 12 })
  readonly duration_ms?: number;
  /** Who released or discarded the row, or retried a delivery. */
  @ApiProperty({ type: String, required: false, example: 'operations' })
  readonly caller?: string;
  /** The `X-Request-Id` of that request. */
  @ApiProperty({ type: String, required: false, example: '0190c1d2-e3f4-7000-8000-112233445566' })
  readonly request_id?: string;
  /** Why, if that was given. */
  @ApiProperty({ type: String, required: false, example: 'Confirmed by Kiip, ticket 4711' })
  readonly reason?: string;
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

export function toIssuanceHistoryDto(
  entry: LedgerEntry,
  history: EntryHistory,
  audit: readonly AuditEntry[],
): IssuanceHistoryDto {
  return Object.assign(toIssuanceDto(entry), {
    verification: {
      formula: entry.verification.scheme,
      secret: `secret-${entry.verification.secretIndex}`,
      quantity_text: entry.quantityText,
      decided_at: entry.resolvedAt?.toISOString() ?? null,
      decided_by: entry.decision?.caller ?? null,
      decision_request_id: entry.decision?.requestId ?? null,
      duplicates: entry.duplicates,
    },
    deliveries: history.deliveries.map(toDeliveryDto),
    timeline: buildTimeline(entry, history, audit),
  });
}

interface TimelineEvent extends Omit<TimelineEventDto, 'at'> {
  readonly at: Date;
}

function buildTimeline(
  entry: LedgerEntry,
  history: EntryHistory,
  audit: readonly AuditEntry[],
): TimelineEventDto[] {
  // The sort is stable: it keeps the order of events in the same millisecond.
  return [
    ...ledgerEvents(entry, history, audit),
    ...history.deliveries.flatMap((delivery) => [...retries(delivery, audit), ...deliveryEvents(delivery)]),
  ]
    .toSorted((a, b) => a.at.getTime() - b.at.getTime())
    .map(({ at, ...rest }) => ({ at: at.toISOString(), ...rest }));
}

function* ledgerEvents(
  entry: LedgerEntry,
  { acceptedAt }: EntryHistory,
  audit: readonly AuditEntry[],
): Iterable<TimelineEvent> {
  const { receivedAt, resolvedAt, status } = entry;
  yield { at: receivedAt, event: 'received' };
  yield { at: receivedAt, event: 'verified', detail: entry.verification.scheme };
  if (entry.reason) yield { at: receivedAt, event: 'quarantined', detail: formatReason(entry.reason) };
  if (resolvedAt && (status === 'discarded' || status === 'released'))
    yield {
      at: resolvedAt,
      event: status,
      ...decidedBy(entry),
      ...reasonOf(audit.find(({ subject }) => subject === entry.id)),
    };
  // By the clock of the database, which may differ slightly from ours.
  if (acceptedAt)
    yield { at: new Date(Math.max(+acceptedAt, +(resolvedAt ?? receivedAt))), event: 'committed' };
}

function decidedBy({ decision }: LedgerEntry): Pick<TimelineEvent, 'caller' | 'request_id'> {
  if (!decision) return {};
  const { caller, requestId: request_id } = decision;
  return { ...(caller !== null && { caller }), request_id };
}

function reasonOf(action: AuditEntry | undefined): Pick<TimelineEvent, 'reason'> {
  return typeof action?.reason === 'string' ? { reason: action.reason } : {};
}

function* retries(
  delivery: EntryHistory['deliveries'][number],
  audit: readonly AuditEntry[],
): Iterable<TimelineEvent> {
  const { id, consumer } = toDeliveryDto(delivery);
  for (const action of audit.filter(({ subject }) => subject === id)) {
    const { at, caller, requestId } = action;
    const by = { ...(caller !== null && { caller }), ...(requestId !== null && { request_id: requestId }) };
    yield { at, event: 'retried', consumer, ...by, ...reasonOf(action) };
  }
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
