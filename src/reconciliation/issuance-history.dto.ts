import { ApiProperty } from '@nestjs/swagger';
import type { AuditEntry } from '../audit/audit.service.js';
import { DeliveryDto, toDeliveryDto } from '../delivery/deliveries.dto.js';
import type { EntryHistory } from '../delivery/deliveries.service.js';
import { IssuanceDto, toIssuanceDto } from '../ledger/issuances.dto.js';
import type { LedgerEntry } from '../ledger/ledger-entry.js';
import { formatReason } from '../ledger/quarantine-reason.js';
import type { Reading, Readings } from '../kiip-callbacks/readings.service.js';
import type { EntryPromise } from './rewards.queries.js';

/** What a moment returned for the transaction. */
export class RewardPromiseDto {
  @ApiProperty({ type: String, nullable: true, example: 'user-123' })
  readonly user_id!: string | null;
  @ApiProperty({ type: String, nullable: true, example: '5473ca54-59a5-cf65-d319-c91697297fcc' })
  readonly reward_id!: string | null;
  @ApiProperty({ type: String, nullable: true, example: 'CgkIraKVsdIBEAIQEA' })
  readonly moment_id!: string | null;
  @ApiProperty({ type: String, nullable: true, example: '20' })
  readonly quantity!: string | null;
  /** @example '2026-01-31T11:59:30.000Z' */
  readonly promised_at!: string;
}

/** Another way to split the signed text. */
export class ReadingDto {
  readonly formula!: string;
  readonly content!: string;
  @ApiProperty({ type: String, nullable: true })
  readonly name!: string | null;
  readonly quantity!: string;
  readonly user_id!: string;
  /** Whether this user was sent to Kiip. */
  readonly user_known!: boolean;
  readonly transaction_id!: string;
  @ApiProperty({ type: String, nullable: true })
  readonly nonce!: string | null;
  /** Empty: a part of `nonce`. */
  @ApiProperty({ type: String, nullable: true })
  readonly origin!: string | null;
}

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
  /** Null if the gateway knows none. It may be for another user. */
  @ApiProperty({ type: RewardPromiseDto, nullable: true })
  readonly promise!: RewardPromiseDto | null;
  /** What else the signed text of a quarantined row could mean, known users first, at most 50. */
  @ApiProperty({ type: [ReadingDto] })
  readonly readings!: ReadingDto[];
  /** False if there may be more readings. */
  readonly readings_complete!: boolean;
}

const TIMELINE_EVENTS = [
  'rewarded',
  'promised',
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
  /** The moment, the reward, the scheme of the signature, the reason for the quarantine, or the outcome of the attempt. */
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

/** All that is known of an entry besides its row. */
export interface EntryFacts extends EntryHistory {
  readonly audit: readonly AuditEntry[];
  readonly promise: EntryPromise | undefined;
  readonly readings: Readings;
}

export function toIssuanceHistoryDto(entry: LedgerEntry, facts: EntryFacts): IssuanceHistoryDto {
  return Object.assign(toIssuanceDto(entry), {
    verification: {
      formula: entry.verification.scheme,
      secret: `secret-${entry.verification.secretIndex}`,
      quantity_text: entry.quantityText,
      decided_at: entry.resolvedAt?.toISOString() ?? null,
      decided_by: entry.decision?.caller ?? null,
      decision_request_id: entry.decision?.requestId ?? null,
      duplicates: entry.duplicates,
      promise: facts.promise ? toPromiseDto(facts.promise) : null,
      readings: facts.readings.list.map(toReadingDto),
      readings_complete: facts.readings.complete,
    },
    deliveries: facts.deliveries.map(toDeliveryDto),
    timeline: buildTimeline(entry, facts),
  });
}

function toPromiseDto({ userId, rewardId, momentId, quantity, promisedAt }: EntryPromise): RewardPromiseDto {
  return {
    user_id: userId,
    reward_id: rewardId,
    moment_id: momentId,
    quantity,
    promised_at: promisedAt.toISOString(),
  };
}

function toReadingDto({ scheme, userKnown, ...parse }: Reading): ReadingDto {
  const { name = null, nonce = null, origin = null } = parse;
  return { ...parse, formula: scheme, user_known: userKnown, name, nonce, origin };
}

interface TimelineEvent extends Omit<TimelineEventDto, 'at'> {
  readonly at: Date;
}

function buildTimeline(entry: LedgerEntry, facts: EntryFacts): TimelineEventDto[] {
  const { promise, deliveries, audit } = facts;
  // The sort is stable: it keeps the order of events in the same millisecond.
  return [
    ...promiseEvents(promise),
    ...ledgerEvents(entry, facts),
    ...deliveries.flatMap((delivery) => [...retries(delivery, audit), ...deliveryEvents(delivery)]),
  ]
    .toSorted((a, b) => a.at.getTime() - b.at.getTime())
    .map(({ at, ...rest }) => ({ at: at.toISOString(), ...rest }));
}

function* promiseEvents(promise: EntryPromise | undefined): Iterable<TimelineEvent> {
  if (!promise) return;
  const { momentId, rewardId, rewardedAt, promisedAt } = promise;
  if (momentId !== null && rewardedAt) yield { at: rewardedAt, event: 'rewarded', detail: momentId };
  // By the clock of the database, which may differ slightly from ours.
  const at = new Date(Math.max(+promisedAt, +(rewardedAt ?? 0)));
  yield { at, event: 'promised', ...(rewardId !== null && { detail: rewardId }) };
}

function* ledgerEvents(entry: LedgerEntry, { acceptedAt, audit }: EntryFacts): Iterable<TimelineEvent> {
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
