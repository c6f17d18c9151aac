import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database } from '../database/database.js';
import { DuplicateCounter } from './duplicate-counter.js';
import { isLedgerId } from './ledger-id.js';
import { LedgerFeed, whereUser } from './ledger-feed.js';
import type { FeedPage, FeedQuery } from './ledger-feed.js';
import { newLedgerEntry, toLedgerEntry } from './ledger-entry.js';
import type { VerifiedCallbackFields, LedgerEntry, PolicyDecision } from './ledger-entry.js';
import { ACCEPTED, resolveQuarantine, findQuarantineOverflow, insertEntry } from './ledger.queries.js';

export interface RecordResult {
  /** `duplicate`: the same callback came before; `id` is that of the first. */
  outcome: 'recorded' | 'quarantined' | 'duplicate';
  id: string;
}

export interface Balance {
  content: string;
  name: string | null;
  quantity: number;
}

/**
 * Every correctly signed callback, once. What may stand beside what is decided by unique indexes (see the migration),
 * never by looking first; an accepted row and its delivery job are one statement, hence one transaction.
 * Every method throws StorageUnavailable; then nothing may be acknowledged.
 */
@Injectable()
export class LedgerService {
  private readonly feed: LedgerFeed;
  private readonly duplicates: DuplicateCounter;
  private readonly listeners: (() => void)[] = [];

  constructor(private readonly database: Database) {
    this.feed = new LedgerFeed(database);
    this.duplicates = new DuplicateCounter(database);
  }

  /** Calls back whenever this process may have accepted a row: a hint to look at once, no more. */
  onAccepted(listener: () => void): void {
    this.listeners.push(listener);
  }

  /**
   * Stores a callback, or finds it stored. Returns after the commit. When it throws, the commit may have happened
   * nevertheless: then the vendor's next try is a duplicate.
   */
  async record(facts: VerifiedCallbackFields, verdict: PolicyDecision): Promise<RecordResult> {
    const newRow = newLedgerEntry(facts, verdict);
    const overflow = isMalformed(verdict)
      ? await this.database.run((db) => findQuarantineOverflow(db, newRow))
      : undefined;
    if (overflow) {
      await this.duplicates.count(overflow.id);
      return { outcome: 'quarantined', id: overflow.id };
    }
    const { row, existing } = await this.database.run((db) => insertEntry(db, newRow));
    if (!existing) {
      this.feed.onRowInserted();
      this.notifyAccepted();
      return { outcome: row.status === 'recorded' ? 'recorded' : 'quarantined', id: row.id };
    }
    if (existing.status === 'quarantined' && verdict.status === 'recorded') {
      // What spoke against it speaks no more: a currency has been configured, the user has become known.
      const accepted = await this.database.run((db) => resolveQuarantine(db, existing.id, 'recorded'));
      if (accepted) {
        this.notifyAccepted();
        return { outcome: 'recorded', id: existing.id };
      }
    }
    await this.duplicates.count(existing.id);
    return { outcome: 'duplicate', id: existing.id };
  }

  async find(id: string): Promise<LedgerEntry | undefined> {
    if (!isLedgerId(id)) return undefined;
    const row = await this.database.run((db) =>
      db.selectFrom('ledger').selectAll().where('id', '=', id).executeTakeFirst(),
    );
    return row && toLedgerEntry(row);
  }

  /** Those of the ids that there are, in no order. */
  async findAll(ids: readonly string[]): Promise<LedgerEntry[]> {
    const rows = await this.database.run((db) =>
      db
        .selectFrom('ledger')
        .selectAll()
        .where((eb) => eb('id', '=', eb.fn.any(eb.val([...ids]))))
        .execute(),
    );
    return rows.map(toLedgerEntry);
  }

  /** One page of the feed, oldest first; see LedgerFeed. */
  list(query: FeedQuery): Promise<FeedPage> {
    return this.feed.page(query);
  }

  /** What a user has been given, per currency: live rows that are recorded or released. */
  async balances(userId: string): Promise<Balance[]> {
    const rows = await this.database.run((db) =>
      db
        .selectFrom('ledger')
        .select((eb) => [
          'content',
          // Issuances have no name; of several, the newest is what the currency is called now.
          sql<string | null>`(array_agg(name order by id desc) filter (where name is not null))[1]`.as(
            'name',
          ),
          eb.fn.sum('quantity').as('quantity'),
        ])
        .where(whereUser(userId))
        .where('test', '=', false)
        .where('status', 'in', ACCEPTED)
        .groupBy('content')
        .orderBy('content')
        .execute(),
    );
    // Nine digits a row: exact up to nine million rows of the largest size.
    return rows.map(({ content, name, quantity }) => ({ content, name, quantity: Number(quantity) }));
  }

  /**
   * Accepts a quarantined row, with its delivery job.
   * @returns 'conflict' when it is in another state, when its signature, text or transaction has been accepted in
   *   another row, or when its quantity is no number that could be counted
   */
  release(id: string): Promise<LedgerEntry | 'not-found' | 'conflict'> {
    return this.resolveQuarantine(id, 'released');
  }

  /** Puts a quarantined row away for good. @returns 'conflict' when it is in another state */
  discard(id: string): Promise<LedgerEntry | 'not-found' | 'conflict'> {
    return this.resolveQuarantine(id, 'discarded');
  }

  private notifyAccepted(): void {
    for (const listener of this.listeners) listener();
  }

  private async resolveQuarantine(
    id: string,
    status: 'released' | 'discarded',
  ): Promise<LedgerEntry | 'not-found' | 'conflict'> {
    if (!isLedgerId(id)) return 'not-found';
    const row = await this.database.run((db) => resolveQuarantine(db, id, status));
    if (row) {
      this.notifyAccepted();
      return toLedgerEntry(row);
    }
    return (await this.find(id)) ? 'conflict' : 'not-found';
  }
}

/** Whether fields are out of shape, as in most cuts of a signed text. What is merely over a cap is not. */
function isMalformed(verdict: PolicyDecision): boolean {
  return verdict.status === 'quarantined' && /^(field-shape|currency):/.test(verdict.reason);
}
