import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { PollingLoop } from '../async/polling-loop.js';
import type { Kysely } from 'kysely';
import { Database } from '../database/database.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import { declareColumns, PreparedStatement } from '../database/prepared-statement.js';
import { sanitizeText } from '../database/text-columns.js';
import { StatementBatches } from '../database/statement-batches.js';
import type { PromisedIdKind, Tables } from '../database/tables.js';
import { summarizeError } from '../log/error-summary.js';
import {
  contextOf,
  contextOfPromise,
  LOOKUP_COLUMNS,
  toContext,
  toLookupColumns,
} from './callback-context.js';
import type { CallbackContext, CallbackLookup, StoredContext, StoredPromise } from './callback-context.js';

/** An id that a callback for a reward may name. */
export interface PromisedId {
  readonly id: string;
  readonly kind: PromisedIdKind;
}

/** A reward that a moment has returned. */
export interface PromisedReward {
  readonly ids: readonly PromisedId[];
  readonly momentId: string;
  /** The user id that callers use, and the one that was sent to Kiip; undefined without a user: nobody can be credited. */
  readonly user: { readonly id: string; readonly kiipId: string } | undefined;
  /** Undefined if the moment promised none, or none that a callback could have. */
  readonly quantity: string | undefined;
  readonly isTest: boolean;
  /** The currency of the reward for the reconciliation, as received. */
  readonly currencyReward: { readonly rewardId: string; readonly virtualValue: string } | undefined;
}

/** The promises of an outage that one process keeps in memory, */
const MAX_UNSTORED = 10_000;
/** and how many characters of them, at two bytes each: all, unless their ids are unusually long. */
const MAX_UNSTORED_CHARACTERS = 8 * 1024 * 1024;
const RETRY_INTERVAL_MS = 1_000;
/** Each may have hundreds of users. */
const LOOKUPS_OF_STATEMENT = 16;
/** The promises that one process remembers after it has stored them, and for how long: callbacks come soon, or to another process. */
const MAX_RECENT = 5_000;
const MAX_RECENT_AGE_MS = 600_000;

/**
 * What moments have returned. Callbacks are held against it: the signed text of a callback has no separators
 * (docs/vendors/kiip.md, section 8), so the signature alone does not tell the user and the quantity.
 */
@Injectable()
export class PromisedRewardsService implements BeforeApplicationShutdown {
  private readonly logger = new Logger('PromisedRewardsService');
  private readonly listeners: ((ids: readonly string[]) => void)[] = [];
  /** As JSON: V8 would keep the whole response of Kiip for each text that was cut from it. */
  private readonly unstored: string[] = [];
  private unstoredCharacters = 0;
  private retries: PollingLoop | undefined;
  private readonly counts = { stored: 0, delayed: 0, dropped: 0 };

  /** By transaction. */
  private readonly recent = new Map<string, StoredPromise>();
  private recentSince = performance.now();

  private readonly lookups: StatementBatches<CallbackLookup, CallbackContext>;
  private readonly inserts: StatementBatches<PromisedReward, void>;

  constructor(database: Database) {
    this.lookups = new StatementBatches(database, findContexts, { batchSize: LOOKUPS_OF_STATEMENT });
    this.inserts = new StatementBatches(database, insertRewards);
  }

  /** Calls the listener with the ids of every stored reward. A callback may have arrived before. */
  onStored(listener: (ids: readonly string[]) => void): void {
    this.listeners.push(listener);
  }

  /** How many rewards were stored, at the first try or later, how many were not at the first, and how many were given up. */
  outcomes(): Readonly<Record<'stored' | 'delayed' | 'dropped', number>> {
    return { ...this.counts };
  }

  /**
   * Stores a reward. It never throws: Kiip has given the reward, so the caller must get it. A reward that cannot be stored now is
   * stored later by this process. Until then, and if the process ends before, its callback waits in quarantine.
   */
  async store(reward: PromisedReward): Promise<void> {
    try {
      await this.insert(reward);
    } catch (error) {
      this.counts.delayed += 1;
      this.logger.warn({
        msg: 'failed to store a promised reward: tried again later',
        ...summarizeError(error),
      });
      this.retryLater(reward);
    }
  }

  /**
   * What this process assumes of a callback without asking the database: that it has stored its promise itself, or that nothing is known.
   * Another process may know more.
   * @returns undefined if the promise that it has stored is for another user
   */
  assumeContext(lookup: CallbackLookup): StoredContext | undefined {
    this.forgetOldPromises();
    const promise = this.recent.get(sanitizeText(lookup.transactionId));
    if (!promise) return {};
    return promise.kiip_user_id === sanitizeText(lookup.kiipUserId)
      ? contextOfPromise(lookup, promise)
      : undefined;
  }

  /** Looks up the transaction and the users of a callback. @throws StorageUnavailableError */
  findContext(lookup: CallbackLookup): Promise<CallbackContext> {
    return this.lookups.execute(lookup.transactionId, lookup);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.retries?.stop();
    // The last chance: the process is about to forget them.
    await this.storeUnstored().catch(() => undefined);
  }

  private async insert(reward: PromisedReward): Promise<void> {
    if (reward.ids.length > 0 || reward.currencyReward)
      // Its own key: rewards need not take turns, since the statement can take an id twice.
      await this.inserts.execute(reward, reward);
    this.remember(reward);
    this.counts.stored += 1;
    for (const listener of this.listeners) listener(reward.ids.map(({ id }) => id));
  }

  private remember(reward: PromisedReward): void {
    this.forgetOldPromises();
    if (reward.user === undefined) return;
    // A copy: V8 would keep the whole response of Kiip for each text that was cut from it.
    const promises = JSON.parse(JSON.stringify(toPromises(reward))) as ReturnType<typeof toPromises>;
    for (const { transaction_id, kiip_user_id, user_id, id_kind, quantity, is_test } of promises)
      // As in the database, the first one is kept.
      if (!this.recent.has(transaction_id))
        this.recent.set(transaction_id, { kiip_user_id, user_id: user_id!, id_kind, quantity, is_test });
  }

  private forgetOldPromises(): void {
    if (this.recent.size < MAX_RECENT && performance.now() - this.recentSince < MAX_RECENT_AGE_MS) return;
    this.recent.clear();
    this.recentSince = performance.now();
  }

  private retryLater(reward: PromisedReward): void {
    const json = JSON.stringify(reward);
    const characters = this.unstoredCharacters + json.length;
    if (this.unstored.length >= MAX_UNSTORED || characters > MAX_UNSTORED_CHARACTERS) {
      this.counts.dropped += 1;
      return;
    }
    this.unstored.push(json);
    this.unstoredCharacters = characters;
    this.retries ??= new PollingLoop(
      () => this.storeUnstored(),
      RETRY_INTERVAL_MS,
      () => undefined,
    );
    this.retries.start();
  }

  /** Oldest first. @returns false: there is no more to do now */
  private async storeUnstored(): Promise<false> {
    for (let next = this.unstored[0]; next !== undefined; next = this.unstored[0]) {
      try {
        await this.insert(JSON.parse(next) as PromisedReward);
      } catch (error) {
        if (error instanceof StorageUnavailableError) throw error;
        // It would fail again and hold back the others.
        this.counts.dropped += 1;
      }
      this.unstored.shift();
      this.unstoredCharacters -= next.length;
    }
    return false;
  }
}

/** In an order that all replicas share, so that none of them waits for another in a circle. Of equal ids, the first one is kept. */
const INSERT_REWARDS = new PreparedStatement<never>(
  'insert_rewards',
  `
  with promised as (
    insert into kiip_promised_rewards (transaction_id, kiip_user_id, user_id, reward_id, id_kind, quantity, is_test)
    select transaction_id, kiip_user_id, user_id, reward_id, id_kind, quantity, is_test
    from rows from (json_to_recordset($1) as (
      transaction_id text, kiip_user_id text, user_id text, reward_id text, id_kind text, quantity text, is_test boolean
    )) with ordinality
    order by transaction_id, kiip_user_id, ordinality
    on conflict do nothing
  )
  insert into kiip_rewarded_moments (reward_id, moment_id, user_id, virtual_value, rewarded_at)
  select reward_id, moment_id, user_id, virtual_value, rewarded_at
  from rows from (json_to_recordset($2) as (
    reward_id text, moment_id text, user_id text, virtual_value text, rewarded_at timestamptz
  )) with ordinality
  order by reward_id, ordinality
  on conflict do nothing`,
);

/** A row for each id. */
function toPromises({ ids, user, quantity, isTest, currencyReward }: PromisedReward) {
  return ids.map(({ id, kind }) => ({
    transaction_id: sanitizeText(id),
    kiip_user_id: sanitizeText(user?.kiipId ?? ''),
    user_id: user && sanitizeText(user.id),
    reward_id: currencyReward && sanitizeText(currencyReward.rewardId),
    id_kind: kind,
    quantity,
    is_test: isTest,
  }));
}

async function insertRewards(db: Kysely<Tables>, rewards: readonly PromisedReward[]): Promise<void[]> {
  const promised = rewards.flatMap(toPromises);
  const rewarded = rewards.flatMap(({ momentId, user, currencyReward }) =>
    currencyReward && user
      ? {
          reward_id: sanitizeText(currencyReward.rewardId),
          moment_id: sanitizeText(momentId),
          user_id: sanitizeText(user.id),
          virtual_value: sanitizeText(currencyReward.virtualValue),
          rewarded_at: new Date(),
        }
      : [],
  );
  await INSERT_REWARDS.execute(db, [JSON.stringify(promised), JSON.stringify(rewarded)]);
  return rewards.map(() => undefined);
}

const FIND_CONTEXTS = new PreparedStatement<{ position: number; context: StoredContext }>(
  'find_contexts',
  `
  select position, ${contextOf('callback')} as context
  from json_to_recordset($1) as callback (
    position int, transaction_id text, ${declareColumns(LOOKUP_COLUMNS)}
  )`,
);

async function findContexts(
  db: Kysely<Tables>,
  lookups: readonly CallbackLookup[],
): Promise<CallbackContext[]> {
  const callbacks = lookups.map((lookup, position) => ({
    position,
    transaction_id: sanitizeText(lookup.transactionId),
    ...toLookupColumns(lookup),
  }));
  const rows = await FIND_CONTEXTS.execute(db, [JSON.stringify(callbacks)]);
  const byPosition = new Map(rows.map(({ position, context }) => [position, context]));
  return lookups.map((lookup, position) => toContext(lookup, byPosition.get(position)!));
}
