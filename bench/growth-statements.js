// What PostgreSQL says about the statements of the two databases of growth.js.

/** What a statement is for, by a part of its text. */
const PURPOSES = {
  'callback: insert': 'with incoming as materialized',
  'callback: promise and user': 'as callback (position',
  'feed: assign positions': 'with turn as materialized',
  'feed: entries without a position': /select "id" from "ledger" where "feed_position" is null/,
  'feed: page': '>= (select max(feed_position) from page)',
  'deliveries: fan-out': 'moved as (',
  'deliveries: claim': 'with due as materialized',
  'deliveries: settle': 'attempted as (',
  'deliveries: entries of a claim': /select \* from "ledger" where "id" = any/,
  'balances: checkpoint': 'from ledger_balances c',
  'balances: added up': 'with added as materialized',
  'entry: its attempts': 'from "delivery_attempts" where "delivery_id" in',
  'reconciliation: states': 'as waiting',
  'reconciliation: rewards without a callback': 'p.reward_id = r.reward_id',
  'metrics: late deliveries': 'with period as',
  'metrics: outbox and oldest delivery': 'with queues as',
  'metrics: pending and dead deliveries': 'from deliveries\n    where status in',
  'metrics: quarantined entries': /count\(\*\)::int as count from \(\s+select id, status/,
  'retention: attempts': 'delete from delivery_attempts',
  'retention: keys': 'delete from idempotency_keys',
  'retention: promised rewards': 'delete from kiip_promised_rewards',
  'retention: rewards': 'delete from kiip_rewarded_moments',
  'retention: users': 'delete from kiip_user_references',
  'retention: rejected callbacks': 'delete from rejected_callbacks where ctid',
  'quarantine: promises that came later': 'p.promised_at >=',
};

/** The mean time and the pages of each statement, by what it is for. */
export async function statements(query) {
  const rows = await query(`
    select query, sum(calls)::int as calls, sum(total_exec_time) / sum(calls) as ms,
      sum(shared_blks_hit + shared_blks_read)::float8 / sum(calls) as pages
    from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database()) group by query`);
  return new Map(
    Object.entries(PURPOSES).map(([purpose, part]) => {
      const found = rows.filter(({ query: text }) => (part.test ? part.test(text) : text.includes(part)));
      const sum = (figure) => found.reduce((total, row) => total + row[figure] * row.calls, 0);
      const calls = found.reduce((total, row) => total + row.calls, 0);
      return [purpose, { calls, ms: sum('ms') / calls, pages: sum('pages') / calls }];
    }),
  );
}

/** Of the large tables: how often they have been read from one end to the other. */
export async function sequentialScans(query) {
  const rows = await query(
    'select relname as table, seq_scan::int as scans from pg_stat_user_tables where n_live_tup > 20000 order by relname',
  );
  return new Map(rows.map(({ table, scans }) => [table, scans]));
}
