import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Database } from '../database/database.js';
import { keysetPages } from '../database/keyset.js';
import type { Tables } from '../database/tables.js';
import { DELIVERY_STATUSES } from '../delivery/delivery.queries.js';
import { PROMISED_IDS } from '../promised-rewards/promised-rewards.queries.js';
import { REWARDED_MOMENTS } from '../promised-rewards/rewarded-moments.queries.js';
import type { LedgerEntry } from '../ledger/ledger-entry.js';
import { LEDGER_ENTRIES, OUTBOX } from '../ledger/ledger-view.queries.js';
import { inWindow } from '../ledger/ledger-window.js';
import type { LedgerWindow } from '../ledger/ledger-window.js';
import { findPromise, findUserRewards, toReward } from './rewards.queries.js';
import type { EntryPromise, Reward, RewardRow, UserReward } from './rewards.queries.js';

/** Entries that one statement counts, far below its time limit. */
const BATCH_SIZE = 10_000;
const MAX_UNMATCHED_REWARDS = 1_000;

const TOTAL_STATES = ['delivered', 'pending', 'dead', 'quarantined', 'discarded', 'missing'] as const;

/** The number of ledger entries by state. Each entry counts once, so that the states add up to `accepted`. */
export type LedgerTotals = Readonly<Record<'accepted' | (typeof TOTAL_STATES)[number], number>>;

/**
 * Proves that nothing is lost between the ledger and the consumers: every callback that was answered 200 is delivered, pending, dead,
 * quarantined or discarded. An entry in none of these states is `missing` and raises an alert. Every method throws StorageUnavailableError.
 */
@Injectable()
export class ReconciliationService {
  constructor(private readonly database: Database) {}

  /** @param isCancelled checked between pages, since a large window takes long */
  async countTotals(window: LedgerWindow, isCancelled: () => boolean = () => false): Promise<LedgerTotals> {
    const totals = {
      accepted: 0,
      delivered: 0,
      pending: 0,
      dead: 0,
      quarantined: 0,
      discarded: 0,
      missing: 0,
    };
    const pages = keysetPages(BATCH_SIZE, (after) =>
      this.database.run((db) => countPage(db, window, after), 'reads'),
    );
    for await (const page of pages) {
      for (const state of TOTAL_STATES) totals[state] += page[state];
      totals.accepted += page.count;
      if (isCancelled()) break;
    }
    return totals;
  }

  async countQuarantined(): Promise<number> {
    const { rows } = await this.database.run(
      (db) =>
        sql<{ count: number }>`
        select count(*)::int as count from ${LEDGER_ENTRIES} l where l.status = 'quarantined'`.execute(db),
      'reads',
    );
    return rows[0]!.count;
  }

  /** Rewards of the window, oldest first, at most a thousand. Rewards that users have not redeemed are included. */
  async findUnmatchedRewards({ from, to }: LedgerWindow): Promise<Reward[]> {
    // Each subquery has a limit, so that PostgreSQL runs it for each reward, by an index: it might read the whole ledger once instead.
    const { rows } = await this.database.run(
      (db) =>
        sql<RewardRow>`
        select r.* from ${REWARDED_MOMENTS} r
        where r.rewarded_at >= ${from} and r.rewarded_at < ${to} and (
          select true from ${LEDGER_ENTRIES} l
          where l.transaction_id = r.reward_id and l.user_id = r.user_id limit 1
        ) is null and (
          select true from ${PROMISED_IDS} p, lateral (
            select from ${LEDGER_ENTRIES} e
            where e.transaction_id = p.transaction_id and e.user_id = r.user_id limit 1
          ) l
          where p.reward_id = r.reward_id and p.user_id = r.user_id limit 1
        ) is null
        order by r.rewarded_at limit ${sql.lit(MAX_UNMATCHED_REWARDS)}`.execute(db),
      'reads',
    );
    return rows.map(toReward);
  }

  /** Newest first. */
  findUserRewards(userId: string): Promise<UserReward[]> {
    return this.database.run((db) => findUserRewards(db, userId), 'reads');
  }

  /** The promise for the transaction of an entry. */
  findPromise(entry: LedgerEntry): Promise<EntryPromise | undefined> {
    return this.database.run((db) => findPromise(db, entry), 'reads');
  }
}

type TotalsPage = Record<(typeof TOTAL_STATES)[number] | 'count', number> & { last_id: string | null };

/** Counts entries by what the delivery tables contain, independently of what the ledger implies. */
async function countPage(db: Kysely<Tables>, window: LedgerWindow, after: string): Promise<TotalsPage> {
  const { rows } = await sql<TotalsPage>`
    with page as materialized (
      select l.id, l.status, exists (select from ${OUTBOX} o where o.ledger_id = l.id) as waiting
      from ${LEDGER_ENTRIES} l where l.id > ${after} and ${inWindow(window)} order by l.id limit ${sql.lit(BATCH_SIZE)}
    ),
    entries as (
      select page.id, case
        when page.status = 'quarantined' then 'quarantined'
        when page.status = 'discarded' then 'discarded'
        when d.dead then 'dead'
        when page.waiting or d.pending then 'pending'
        when d.delivered then 'delivered'
        else 'missing'
      end as state
      from page, lateral (
        select bool_or(d.status = 'dead') as dead, bool_or(d.status = 'pending') as pending,
          bool_and(d.status = 'delivered') as delivered
        from ${DELIVERY_STATUSES} d where d.ledger_id = page.id
      ) d
    )
    select count(*)::int as count, max(id) as last_id,
      ${sql.join(TOTAL_STATES.map((state) => sql`count(*) filter (where state = ${sql.lit(state)})::int as ${sql.ref(state)}`))}
    from entries`.execute(db);
  return rows[0]!;
}
