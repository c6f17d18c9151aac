import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database } from '../database/database.js';
import { LIST_ORDERS } from '../database/keyset.js';
import type { ListOrder } from '../database/keyset.js';
import { hasRowOf, toRowCursor } from '../database/row-cursor.js';
import type { CursorList, RowCursor, RowPage } from '../database/row-cursor.js';
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

export const AUDIT_PREFIX = 'aud_';

const AUDIT_LIST: CursorList<'audit_log'> = {
  table: 'audit_log',
  prefix: AUDIT_PREFIX,
  tokenOf: ({ at }) => at.getTime().toString(36),
};

/** Reads what people did. Every method throws StorageUnavailableError. */
@Injectable()
export class AuditService {
  constructor(private readonly database: Database) {}

  /** @returns 'restarted' if the database has been set back to a time before the cursor */
  async list(
    after: RowCursor | undefined,
    order: ListOrder,
    limit: number,
  ): Promise<RowPage<AuditEntry> | 'restarted'> {
    const { beyond, start } = LIST_ORDERS[order];
    const rows = await this.database.run(
      (db) =>
        db
          .selectFrom('audit_log')
          .selectAll()
          .where(sql<boolean>`id ${beyond} ${after?.id ?? start}::bigint`)
          .orderBy('id', order)
          .limit(limit)
          .execute(),
      'reads',
    );
    if (after && !(await this.database.run((db) => hasRowOf(db, AUDIT_LIST, after), 'reads')))
      return 'restarted';
    const last = rows.at(-1);
    return { items: rows.map(toAuditEntry), next: last && toRowCursor(AUDIT_LIST, last) };
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
