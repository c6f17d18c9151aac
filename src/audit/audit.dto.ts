import { ApiProperty } from '@nestjs/swagger';
import { parseRowCursor } from '../database/row-cursor.js';
import { IsCursor, OrderedPaginationQueryDto } from '../validation/pagination.dto.js';
import { AUDIT_ACTIONS } from './audit.queries.js';
import type { AuditAction } from './audit.queries.js';
import { AUDIT_PREFIX } from './audit.service.js';
import type { AuditEntry } from './audit.service.js';

export const parseAuditCursor = (text: string) => parseRowCursor(AUDIT_PREFIX, text);

export class AuditQueryDto extends OrderedPaginationQueryDto {
  /** The `next` of an earlier response. */
  @IsCursor((cursor) => parseAuditCursor(cursor) !== undefined)
  readonly after?: string;
}

/** What somebody did. */
export class AuditEntryDto {
  /** @example 'aud_17' */
  readonly id!: string;
  /** @example '2026-01-31T12:00:00.000Z' */
  readonly at!: string;
  /** The caller; null where callers are not authenticated. For a command, its name. */
  @ApiProperty({ type: String, nullable: true, example: 'operations' })
  readonly caller!: string | null;
  /** The `X-Request-Id` of the request; null for a command. */
  @ApiProperty({ type: String, nullable: true, example: '0190c1d2-e3f4-7000-8000-112233445566' })
  readonly request_id!: string | null;
  @ApiProperty({ enum: AUDIT_ACTIONS, enumName: 'AuditAction', example: 'release' })
  readonly action!: AuditAction;
  /**
   * The id of the ledger entry, the delivery or the replay, or the name of the consumer; for an erased user, the alias.
   * @example 'iss_0190c1d2e3f4000000112233445566aa'
   */
  readonly subject!: string;
  /** Null if none was given. */
  @ApiProperty({ type: String, nullable: true, example: 'Confirmed by Kiip, ticket 4711' })
  readonly reason!: string | null;
}

export class AuditDto {
  readonly items!: AuditEntryDto[];
  /**
   * The cursor for the next page; also returned after the last entry, for later ones.
   * @example 'aud_17-mkkqo5c0'
   */
  readonly next!: string;
}

export function toAuditEntryDto({ id, at, requestId, ...rest }: AuditEntry): AuditEntryDto {
  const { caller, action, subject, reason } = rest;
  return {
    id: AUDIT_PREFIX + id,
    at: at.toISOString(),
    caller,
    request_id: requestId,
    action,
    subject,
    reason,
  };
}
