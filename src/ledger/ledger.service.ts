import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database } from '../database/database.js';
import { DuplicateCounter } from './duplicate-counter.js';
import { isLedgerId } from './ledger-id.js';
import { LedgerFeed, ofUser } from './ledger-feed.js';
import type { FeedPage, FeedQuery } from './ledger-feed.js';
import { newLedgerRow, toLedgerRow } from './ledger-entry.js';
import type { CallbackFacts, LedgerRow, Verdict } from './ledger-entry.js';
import { ACCEPTED, decide, findCrowd, store } from './ledger.queries.js';

export interface Recorded {
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
export class Ledger {
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
  async record(facts: CallbackFacts, verdict: Verdict): Promise<Recorded> {
    const fresh = newLedgerRow(facts, verdict);
    const crowded = isMisfit(verdict) ? await this.database.run((db) => findCrowd(db, fresh)) : undefined;
    if (crowded) {
      await this.duplicates.count(crowded.id);
      return { outcome: 'quarantined', id: crowded.id };
    }
    const { row, existing } = await this.database.run((db) => store(db, fresh));
    if (!existing) {
      this.feed.rowAdded();
      this.tell();
      return { outcome: row.status === 'recorded' ? 'recorded' : 'quarantined', id: row.id };
    }
    if (existing.status === 'quarantined' && verdict.status === 'recorded') {
      // What spoke against it speaks no more: a currency has been configured, the user has become known.
      const accepted = await this.database.run((db) => decide(db, existing.id, 'recorded'));
      if (accepted) {
        this.tell();
        return { outcome: 'recorded', id: existing.id };
      }
    }
    await this.duplicates.count(existing.id);
    return { outcome: 'duplicate', id: existing.id };
  }

  async find(id: string): Promise<LedgerRow | undefined> {
    if (!isLedgerId(id)) return undefined;
    const row = await this.database.run((db) =>
      db.selectFrom('ledger').selectAll().where('id', '=', id).executeTakeFirst(),
    );
    return row && toLedgerRow(row);
  }

  /** Those of the ids that there are, in no order. */
  async findAll(ids: readonly string[]): Promise<LedgerRow[]> {
    const rows = await this.database.run((db) =>
      db
        .selectFrom('ledger')
        .selectAll()
        .where((eb) => eb('id', '=', eb.fn.any(eb.val([...ids]))))
        .execute(),
    );
    return rows.map(toLedgerRow);
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
        .where(ofUser(userId))
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
  release(id: string): Promise<LedgerRow | 'not-found' | 'conflict'> {
    return this.decide(id, 'released');
  }

  /** Puts a quarantined row away for good. @returns 'conflict' when it is in another state */
  discard(id: string): Promise<LedgerRow | 'not-found' | 'conflict'> {
    return this.decide(id, 'discarded');
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }

  private async decide(
    id: string,
    status: 'released' | 'discarded',
  ): Promise<LedgerRow | 'not-found' | 'conflict'> {
    if (!isLedgerId(id)) return 'not-found';
    const row = await this.database.run((db) => decide(db, id, status));
    if (row) {
      this.tell();
      return toLedgerRow(row);
    }
    return (await this.find(id)) ? 'conflict' : 'not-found';
  }
}

/** Whether fields are out of shape, as in most cuts of a signed text. What is merely over a cap is not. */
function isMisfit(verdict: Verdict): boolean {
  return verdict.status === 'quarantined' && /^(field-shape|currency):/.test(verdict.reason);
}
