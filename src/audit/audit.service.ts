import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database } from '../database/database.js';
import type { AuditAction } from './audit.queries.js';

export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  readonly caller: string | null;
  readonly requestId: string | null;
  readonly action: AuditAction;
  /** The id of the entry, delivery or replay, or the name of the consumer; for an erased user, the alias. */
  readonly subject: string;
  readonly reason: string | null;
}

/** Reads what people did. Every method throws StorageUnavailableError. */
@Injectable()
export class AuditService {
  constructor(private readonly database: Database) {}

  /** Oldest first. @param after the id of the last entry of the page before */
  async list(after: string, limit: number): Promise<AuditEntry[]> {
    const rows = await this.database.run(
      (db) =>
        db
          .selectFrom('audit_log')
          .selectAll()
          .where(sql<boolean>`id > ${after}::bigint`)
          .orderBy('id')
          .limit(limit)
          .execute(),
      'reads',
    );
    return rows.map(toAuditEntry);
  }

  /** What was done with any of these, oldest first. */
  async findOf(subjects: readonly string[]): Promise<AuditEntry[]> {
    const rows = await this.database.run(
      (db) =>
        db
          .selectFrom('audit_log')
          .selectAll()
          .where((eb) => eb('subject', '=', eb.fn.any(eb.val([...subjects]))))
          .orderBy('id')
          .execute(),
      'reads',
    );
    return rows.map(toAuditEntry);
  }
}

interface AuditRow {
  id: string;
  at: Date;
  caller: string | null;
  request_id: string | null;
  action: string;
  subject: string;
  reason: string | null;
}

function toAuditEntry({ request_id, action, ...rest }: AuditRow): AuditEntry {
  return { ...rest, requestId: request_id, action: action as AuditAction };
}
