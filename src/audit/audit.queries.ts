import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { AUDIT_LOCK } from '../database/advisory-locks.js';
import { sanitizeText } from '../database/text-columns.js';

export const AUDIT_ACTIONS = [
  'release',
  'discard',
  'retry',
  'replay',
  'pause',
  'resume',
  'cancel',
  'erase',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** Who did something, in which request, and why. */
export interface Actor {
  /** Null where callers are not authenticated. */
  readonly caller: string | null;
  /** Null for a command. */
  readonly requestId: string | null;
  readonly reason?: string | undefined;
}

/**
 * A statement that adds one row for each subject, for the transaction that does what it says. Rows get their ids one
 * transaction after the other, so that a reader who has read up to an id has missed none.
 * @param subjects selects one text each
 */
export function insertAudit(
  action: AuditAction,
  actor: Actor,
  subjects: RawBuilder<unknown>,
): RawBuilder<never> {
  const { caller, requestId, reason } = actor;
  return sql`
    insert into audit_log (caller, request_id, action, subject, reason)
    select ${caller}::text, ${requestId}::text, ${action}::text, subject, ${reason === undefined ? null : sanitizeText(reason)}::text
    from (select pg_advisory_xact_lock(${sql.lit(AUDIT_LOCK)})) as locked, (${subjects}) as subjects (subject)`;
}

/** The same as a part of a statement (CTE). */
export function auditPart(
  action: AuditAction,
  actor: Actor,
  subjects: RawBuilder<unknown>,
): RawBuilder<object> {
  return sql<object>`(${insertAudit(action, actor, subjects)})`;
}
