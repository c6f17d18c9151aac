import { Injectable } from '@nestjs/common';
import type { Actor } from '../audit/audit.queries.js';
import { Database } from '../database/database.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import { StatementBatches } from '../database/statement-batches.js';
import { traceParent } from '../tracing/span.js';
import { addEntries, BATCH_SIZE, findCheckpoint, saveCheckpoint } from './balances.queries.js';
import type { Balance, Checkpoint } from './balances.queries.js';
import { DuplicateCounter } from './duplicate-counter.js';
import { isLedgerId } from './ledger-id.js';
import { LedgerFeed } from './ledger-feed.js';
import type { FeedPage, FeedQuery } from './ledger-feed.js';
import { newLedgerRow, toLedgerEntry, toQuarantinedCallback } from './ledger-entry.js';
import type {
  VerifiedCallbackFields,
  LedgerEntry,
  PolicyDecision,
  QuarantinedCallback,
} from './ledger-entry.js';
import {
  awaitingPromises,
  awaitingTransactions,
  findConflictOf,
  findRows,
  insertConflicting,
  insertPositionedRows,
  insertRows,
  quarantinedPage,
  resolveQuarantine,
  updateReason,
} from './ledger.queries.js';
import type { Assumption } from '../promised-rewards/callback-context.js';
import type { InsertResult, NewRow, OtherContext } from './ledger.queries.js';

const PAGE_SIZE = 100;
/** Entries of a user after which his balances are stored, so that they are not read again. */
const CHECKPOINT_INTERVAL = 1_000;

export interface RecordResult {
  /** `duplicate`: the same callback was received before, and `id` is the first one's. */
  outcome: 'recorded' | 'quarantined' | 'duplicate';
  id: string;
  /** It is new, and another callback with the same signed text is stored, whatever its status. */
  sharesText?: true;
}

/**
 * Stores every callback with a valid signature once. Unique indexes (see the migration) decide which callbacks exclude
 * each other, not a query in front of the insert. One statement stores an accepted entry and its delivery job.
 * Every method throws StorageUnavailableError. The caller must then not acknowledge the callback.
 */
@Injectable()
export class LedgerService {
  private readonly feed: LedgerFeed;
  private readonly duplicates: DuplicateCounter;
  /** Those of one signed text are never in one statement: it would not find that they share it. */
  private readonly inserts: StatementBatches<NewRow, InsertResult | 'locked'>;
  /** For the rows of a statement of which another transaction has locked one: each waits alone. */
  private readonly patientInserts: StatementBatches<NewRow, InsertResult>;
  private readonly listeners: (() => void)[] = [];

  constructor(private readonly database: Database) {
    // Of two at a time, one would find the positions of the feed locked. The second is for when the first hangs.
    this.inserts = new StatementBatches(database, insertPositionedRows, { staggerMs: 100 });
    this.patientInserts = new StatementBatches(database, insertRows, { batchSize: 1, concurrency: 3 });
    this.feed = new LedgerFeed(database);
    this.duplicates = new DuplicateCounter(database);
  }

  /** Calls the listener when this process may have accepted an entry. It is a hint to look for new entries now. */
  onAccepted(listener: () => void): void {
    this.listeners.push(listener);
  }

  /**
   * Stores a callback, or finds the stored one. Returns after the commit. When it throws, the commit may still have
   * happened: the next try of Kiip is then a duplicate.
   * @param assumption what the decision is based on. If the database knows something else of the callback, it stores nothing and
   *   returns that: the callback must be decided anew.
   */
  async record(facts: VerifiedCallbackFields, decision: PolicyDecision): Promise<RecordResult>;
  async record(
    facts: VerifiedCallbackFields,
    decision: PolicyDecision,
    assumption: Assumption,
  ): Promise<RecordResult | OtherContext>;
  async record(facts: VerifiedCallbackFields, decision: PolicyDecision, assumption?: Assumption) {
    const newRow = { ...newLedgerRow(facts, decision), trace_parent: traceParent(), assumption };
    const result =
      (await this.insert(facts.signedText, newRow)) ??
      (await this.database.run((db) => insertConflicting(db, newRow)));
    if ('context' in result) return result;
    const { row, existing, sharesText, isUnpositioned } = result;
    if (!existing) {
      if (isUnpositioned) this.feed.onUnpositionedRow();
      this.notifyAccepted();
      const outcome = row.status === 'recorded' ? 'recorded' : 'quarantined';
      return { outcome, id: row.id, ...(sharesText && { sharesText }) };
    }
    // The reason may no longer apply: the currency is configured now, or the user is registered now.
    if (existing.status === 'quarantined' && decision.status === 'recorded')
      if (await this.accept(existing.id, facts.isTest)) return { outcome: 'recorded', id: existing.id };
    await this.duplicates.count(existing.id);
    return { outcome: 'duplicate', id: existing.id };
  }

  private async insert(signedText: unknown, row: NewRow): Promise<InsertResult> {
    const result = await this.inserts.execute(signedText, row);
    return result === 'locked' ? this.patientInserts.execute(signedText, row) : result;
  }

  /**
   * Decides a quarantined entry again: accepts it, or replaces its reason.
   * @returns whether it is accepted now; an entry that is not quarantined, or that another one excludes, is not
   */
  async reevaluate(id: string, decision: PolicyDecision, isTest: boolean): Promise<boolean> {
    if (decision.status === 'recorded') {
      if (await this.accept(id, isTest)) return true;
      await this.database.run(async (db) => {
        const code = await findConflictOf(db, id);
        if (code !== undefined) await updateReason(db, id, { code }, false);
      });
      return false;
    }
    const { reason, awaitsPromise = false } = decision;
    await this.database.run((db) => updateReason(db, id, reason, awaitsPromise));
    return false;
  }

  /** Every quarantined callback, oldest first. Entries may be added and decided during the iteration. */
  async *quarantined(): AsyncGenerator<QuarantinedCallback> {
    for (let after = ''; ;) {
      const rows = await this.database.run((db) => quarantinedPage(db, after, PAGE_SIZE));
      yield* rows.map(toQuarantinedCallback);
      const last = rows.at(-1);
      if (rows.length < PAGE_SIZE || last === undefined) return;
      after = last.id;
    }
  }

  /** The quarantined callbacks that wait for the promise of one of these transactions. */
  async findAwaiting(transactionIds: readonly string[]): Promise<QuarantinedCallback[]> {
    return (await this.database.run((db) => awaitingTransactions(db, transactionIds))).map(
      toQuarantinedCallback,
    );
  }

  /** Some of the quarantined callbacks that wait although their promise has been stored, within this time. */
  async findPromised(withinMs: number): Promise<QuarantinedCallback[]> {
    const rows = await this.database.run((db) => awaitingPromises(db, withinMs, PAGE_SIZE), 'workers');
    return rows.map(toQuarantinedCallback);
  }

  async find(id: string): Promise<LedgerEntry | undefined> {
    if (!isLedgerId(id)) return undefined;
    const row = await this.database.run(
      (db) => db.selectFrom('ledger').selectAll().where('id', '=', id).executeTakeFirst(),
      'reads',
    );
    return row && toLedgerEntry(row);
  }

  /** A quarantined callback as it was received; undefined if the entry is in any other state. */
  async findQuarantined(id: string): Promise<QuarantinedCallback | undefined> {
    const row = await this.database.run(
      (db) =>
        db
          .selectFrom('ledger')
          .selectAll()
          .where('id', '=', id)
          .where('status', '=', 'quarantined')
          .executeTakeFirst(),
      'reads',
    );
    return row && toQuarantinedCallback(row);
  }

  /** The entries that exist, in no particular order. For deliveries. */
  async findAll(ids: readonly string[]): Promise<LedgerEntry[]> {
    const rows = await this.database.run((db) => findRows(db, ids), 'workers');
    return rows.map(toLedgerEntry);
  }

  /** One page of the feed, oldest first; see LedgerFeed. */
  list(query: FeedQuery): Promise<FeedPage | 'restarted'> {
    return this.feed.page(query);
  }

  /** The balance of a user per currency: entries that are recorded or released, without test rewards. */
  async balances(userId: string): Promise<Balance[]> {
    let checkpoint = await this.database.run((db) => findCheckpoint(db, userId), 'reads');
    for (;;) {
      const earlier = checkpoint ?? { position: '0', balances: [] };
      const page = await this.database.run((db) => addEntries(db, userId, earlier), 'reads');
      if (page.position !== null && page.added >= CHECKPOINT_INTERVAL) {
        checkpoint = { position: page.position, balances: page.checkpoint };
        await this.saveCheckpoint(userId, checkpoint);
      }
      if (page.added < BATCH_SIZE) return page.balances;
    }
  }

  /**
   * Accepts a quarantined entry and stores its delivery job.
   * @returns 'conflict' if the entry has another status, if another entry with the same signature, text or transaction
   *   is accepted, or if the quantity is not a number
   */
  release(id: string, decision: Actor): Promise<LedgerEntry | 'not-found' | 'conflict'> {
    return this.resolve(id, 'released', decision);
  }

  /** Discards a quarantined entry for good. @returns 'conflict' if it has another status */
  discard(id: string, decision: Actor): Promise<LedgerEntry | 'not-found' | 'conflict'> {
    return this.resolve(id, 'discarded', decision);
  }

  /** A server that only reads answers as well: the next call reads the same entries again. */
  private async saveCheckpoint(userId: string, checkpoint: Checkpoint): Promise<void> {
    try {
      await this.database.run((db) => saveCheckpoint(db, userId, checkpoint), 'reads');
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
    }
  }

  private async accept(id: string, isTest: boolean): Promise<boolean> {
    const accepted = await this.database.run((db) => resolveQuarantine(db, id, 'recorded', { isTest }));
    if (accepted) this.notifyAccepted();
    return accepted !== undefined;
  }

  private notifyAccepted(): void {
    for (const listener of this.listeners) listener();
  }

  private async resolve(
    id: string,
    status: 'released' | 'discarded',
    decision: Actor,
  ): Promise<LedgerEntry | 'not-found' | 'conflict'> {
    if (!isLedgerId(id)) return 'not-found';
    const row = await this.database.run((db) => resolveQuarantine(db, id, status, { decision }));
    if (row) {
      this.notifyAccepted();
      return toLedgerEntry(row);
    }
    return (await this.find(id)) ? 'conflict' : 'not-found';
  }
}
