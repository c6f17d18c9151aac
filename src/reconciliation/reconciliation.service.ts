import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Database } from '../database/database.js';
import type { Tables } from '../database/tables.js';
import { inWindow } from '../ledger/ledger-window.js';
import type { LedgerWindow } from '../ledger/ledger-window.js';

/** Rows that one statement counts: far below its time limit. */
const BATCH_SIZE = 10_000;
const MAX_UNMATCHED_REWARDS = 1_000;

const TOTAL_STATES = ['delivered', 'pending', 'dead', 'quarantined', 'discarded', 'missing'] as const;

/** Ledger rows, each counted once: `accepted` is all, and the others add up to it. */
export type LedgerTotals = Readonly<Record<'accepted' | (typeof TOTAL_STATES)[number], number>>;

/** A reward with a currency in it, of which no callback has come. */
export interface UnmatchedReward {
  readonly rewardId: string;
  readonly momentId: string;
  readonly userId: string;
  readonly virtualValue: string;
  readonly promisedAt: Date;
}

/**
 * Proves that nothing is lost between the ledger and the consumers: every callback that was answered 200 is delivered, pending,
 * dead, in quarantine or discarded. What is none of these is `missing`, and an alarm.
 * Every method throws StorageUnavailable.
 */
@Injectable()
export class ReconciliationService {
  constructor(private readonly database: Database) {}

  /** @param wanted whether anybody still waits for the answer; a large window takes its time */
  async countTotals(window: LedgerWindow, wanted: () => boolean = () => true): Promise<LedgerTotals> {
    const counts = {
      accepted: 0,
      delivered: 0,
      pending: 0,
      dead: 0,
      quarantined: 0,
      discarded: 0,
      missing: 0,
    };
    for (let after = ''; ;) {
      const page = await this.database.run((db) => countPage(db, window, after));
      for (const kind of TOTAL_STATES) counts[kind] += page[kind];
      counts.accepted += page.rows;
      if (page.rows < BATCH_SIZE || !wanted()) return counts;
      after = page.last_id ?? after;
    }
  }

  /** Promises of the window, oldest first, at most a thousand. A user who never redeems a reward is among them. */
  async findUnmatchedRewards({ from, to }: LedgerWindow): Promise<UnmatchedReward[]> {
    const rows = await this.database.run((db) =>
      db
        .selectFrom('kiip_rewarded_moments as p')
        .selectAll()
        .where('rewarded_at', '>=', from)
        .where('rewarded_at', '<', to)
        // By the index on users: that of transactions serves redemptions alone, and accepted ones.
        .where(
          sql<boolean>`not exists (
            select from ledger l
            where left(l.user_id, 256) = left(p.user_id, 256) and l.user_id = p.user_id and l.transaction_id = p.reward_id
          )`,
        )
        .orderBy('rewarded_at')
        .limit(MAX_UNMATCHED_REWARDS)
        .execute(),
    );
    return rows.map((row) => ({
      rewardId: row.reward_id,
      momentId: row.moment_id,
      userId: row.user_id,
      virtualValue: row.virtual_value,
      promisedAt: row.rewarded_at,
    }));
  }
}

type TotalsPage = Record<(typeof TOTAL_STATES)[number] | 'rows', number> & { last_id: string | null };

/** Counts rows by what the tables of the deliveries hold, not by what the ledger says should be there. */
async function countPage(db: Kysely<Tables>, window: LedgerWindow, after: string): Promise<TotalsPage> {
  const { rows } = await sql<TotalsPage>`
    with page as materialized (
      select l.id, l.status, exists (select from delivery_outbox o where o.ledger_id = l.id) as waiting
      from ledger l where l.id > ${after} and ${inWindow(window)} order by l.id limit ${sql.lit(BATCH_SIZE)}
    ),
    judged as (
      select page.id, case
        when page.status = 'quarantined' then 'quarantined'
        when page.status = 'discarded' then 'discarded'
        when d.dead then 'dead'
        when page.waiting or d.pending then 'pending'
        when d.delivered then 'delivered'
        else 'missing'
      end as kind
      from page, lateral (
        select bool_or(status = 'dead') as dead, bool_or(status = 'pending') as pending, bool_and(status = 'delivered') as delivered
        from deliveries where deliveries.ledger_id = page.id
      ) d
    )
    select count(*)::int as rows, max(id) as last_id,
      ${sql.join(TOTAL_STATES.map((kind) => sql`count(*) filter (where kind = ${sql.lit(kind)})::int as ${sql.ref(kind)}`))}
    from judged`.execute(db);
  return rows[0]!;
}
