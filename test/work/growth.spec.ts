import type { Client } from 'pg';
import { LedgerStatsService } from '../../src/reconciliation/ledger-stats.service.js';
import { consumer } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { Inbox } from '../support/inbox.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { findScans, pretendRows, recordStatements } from '../support/plans.js';
import { waitFor } from '../support/wait-for.js';

const HISTORY = 8_000;
/** Both databases have these, of the last minutes. */
const RECENT = 400;
const CONSUMERS = ['wallet', 'shop', 'gone'];
/** What may be read more of by chance: old rows are looked for among the new ones, and an index that has grown has one more level. */
const TOLERATED = { share: 1.5, constant: 200 };
/** The same beside workers: on a busy machine they ask more often. A work that reads the history reads 8,000 rows, or 24,000 deliveries. */
const TOLERATED_POLLS = 3_000;
/** A table with more rows than the recent ones alone can have. */
const LARGE = RECENT * CONSUMERS.length + 1_000;

/**
 * Entries, each with a reward that promised it and a delivery to every consumer. Half of them are of one user. What is still to be done
 * is counted, so there is none of it, except for a consumer that is gone.
 */
const fill = (from: number, to: number, age: string) => `
  insert into ledger (id, kind, status, reason_code, is_test, transaction_id, content, name, quantity, quantity_text, user_id, received_at,
    signature, signed_text, signed_text_hash, fields_hash, transaction_hash, signature_scheme, secret_index, feed_position)
  select 'iss_' || lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || substr(md5(n::text), 1, 20), 'redemption',
    case n % 100 when 0 then 'discarded' when 1 then 'released' else 'recorded' end, case when n % 100 < 2 then 'unknown-reward' end,
    n % 20 = 0, 't' || n, 'currency-' || n % 3, 'Coins', 1, '1', case when n % 2 = 0 then 'busy' when n > ${HISTORY} then 'user-' || n % 100 else 'user-0' || n end, at,
    's' || n, '', 'x' || n, 'f' || n, 'h' || n, 'redemption', 1, n
  from (select n, now() - interval '${age}' - interval '1 ms' * (${to} - n) as at from generate_series(${from}, ${to}) n) numbered;
  insert into deliveries (ledger_id, consumer, status, accepted_at, next_attempt_at)
  select id, consumer, d.status, received_at, case d.status when 'pending' then now() end
  from ledger, unnest('{${CONSUMERS.join()}}'::text[]) consumer, lateral (
    select case when consumer <> 'gone' or feed_position % 50 > 1 then 'delivered' when feed_position % 50 = 1 then 'pending' else 'dead' end as status
  ) d where feed_position between ${from} and ${to} and ledger.status <> 'discarded' order by feed_position;
  insert into kiip_promised_rewards (transaction_id, kiip_user_id, user_id, reward_id, id_kind, is_test, promised_at)
  select transaction_id, user_id, user_id, 'r' || feed_position, 'view_id', false, received_at
  from ledger where feed_position between ${from} and ${to};
  insert into kiip_rewarded_moments (reward_id, moment_id, user_id, virtual_value, rewarded_at)
  select 'r' || feed_position, 'moment', user_id, '1', received_at from ledger where feed_position between ${from} and ${to};
  insert into kiip_user_references (user_id_hash, user_id, reference)
  select 'k' || n, 'u' || n, 'r' || n from generate_series(${from * 3}, ${to * 3}) n;
  insert into delivery_attempts (delivery_id, number, started_at, duration_ms, status, outcome)
  select d.id, 1, d.accepted_at, 1, 200, 'accepted' from deliveries d join ledger on ledger.id = ledger_id
  where feed_position between ${from} and ${to} and d.consumer = 'wallet';
  insert into ledger_feed_batches (last_position) select n from generate_series(${from}, ${to}) n where n % 20 = 0;
  insert into idempotency_keys (key_hash, lease_token, state, body_hash, lease_expires_at, expires_at)
  select 'key' || n, gen_random_uuid(), 'unknown', '', now(), now() + interval '1 day' from generate_series(${from}, ${to}) n where n % 20 = 0;`;

/** What the planner is told that tables have. */
const LONG_HISTORY = {
  ledger: 1_000_000,
  deliveries: 10_000_000,
  delivery_attempts: 10_000_000,
  ledger_feed_batches: 1_000_000,
  kiip_promised_rewards: 1_000_000,
  kiip_rewarded_moments: 1_000_000,
  kiip_user_references: 1_000_000,
  idempotency_keys: 100_000,
};
type Statements = ReturnType<ReturnType<typeof recordStatements>>;

/** Of one table: the rows and index entries that statements were given, the pages they looked at, and the sequential scans. */
interface TableReads {
  readonly rows: number;
  readonly pages: number;
  readonly scans: number;
  readonly live: number;
}
type Reads = Record<string, TableReads>;

type Work = (gateway: KiipGateway, side: Side) => Promise<void>;

/** A database, a gateway that only answers, and what its statements read. */
class Side {
  private constructor(
    private readonly database: TestDatabase,
    private readonly operator: Client,
    readonly inbox: Inbox,
    /** A delivery that some others come after, and the last one. */
    readonly cursors: readonly [string, string],
  ) {}

  static async open(hasHistory: boolean): Promise<Side> {
    const database = await newDatabase();
    await database.open();
    // A connection reports what it has read when it ends: this one before anything is measured.
    const filler = await database.client();
    // Without the checks of foreign keys, it takes half the time.
    await filler.query('set session_replication_role = replica');
    if (hasHistory) await filler.query(fill(1, HISTORY, '2 days'));
    await filler.query(fill(HISTORY + 1, HISTORY + RECENT, '1 minute'));
    await filler.query(`select setval('ledger_feed_position', ${HISTORY + RECENT})`);
    await filler.query('analyze');
    const { rows } = await filler.query<{ cursors: [string, string] }>(
      `select array['dlv_' || max(id) - 600, 'dlv_' || max(id)] as cursors from deliveries`,
    );
    await filler.end();
    return new Side(database, await database.client(), await Inbox.open(), rows[0]!.cursors);
  }

  async close(): Promise<void> {
    await this.operator.end();
    await this.inbox.close();
    await this.database.drop();
  }

  run(text: string) {
    return this.operator.query(text);
  }

  /** Which of these statements read a whole table, or would, with the statistics of a long history. */
  async findScans(statements: Statements): Promise<string[]> {
    await pretendRows(this.operator, LONG_HISTORY);
    return findScans(this.operator, statements, Object.keys(LONG_HISTORY));
  }

  /** What a work at a gateway reads. */
  async measure(work: Work, role = 'api'): Promise<Reads> {
    const consumers = [
      consumer(this.inbox.url(), { name: 'wallet' }),
      consumer(this.inbox.url(), { name: 'shop', order_by: 'user_id' }),
    ];
    const gateway = await startKiipGateway({
      ...this.database.env,
      ROLE: role,
      RETENTION_USERS_DAYS: '30',
      DELIVERY_CONSUMERS: JSON.stringify(consumers),
    });
    const before = await this.read();
    try {
      await work(gateway, this);
    } finally {
      await gateway.close();
    }
    const after = await this.read();
    return Object.fromEntries(
      Object.entries(after).map(([table, { rows, pages, scans, live }]) => {
        const earlier = before[table]!;
        return [
          table,
          {
            rows: rows - earlier.rows,
            pages: pages - earlier.pages,
            scans: scans - earlier.scans,
            live,
          },
        ];
      }),
    );
  }

  private async read(): Promise<Reads> {
    await waitFor('the other connections have ended', async () => {
      const { rowCount } = await this.operator.query(`
        select from pg_stat_activity where datname = current_database() and backend_type = 'client backend'
          and pid <> pg_backend_pid()`);
      return rowCount === 0;
    });
    const { rows } = await this.operator.query<TableReads & { name: string }>(`
      select relname as name, seq_scan::int as scans, n_live_tup::int as live, (seq_tup_read + coalesce(entries, 0))::int as rows,
        (heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit + idx_blks_read, 0))::int as pages
      from pg_stat_user_tables join pg_statio_user_tables using (relid, relname) left join (
        select relid, sum(idx_tup_read) as entries from pg_stat_user_indexes group by relid
      ) indexes using (relid)`);
    return Object.fromEntries(rows.map(({ name, ...counts }) => [name, counts]));
  }
}

/** What was read only because of the history. */
function growth(recent: Reads, grown: Reads, constant: number): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [table, { rows, pages, scans, live }] of Object.entries(grown)) {
    const before = recent[table]!;
    const isMore = (now: number, earlier: number) => now > earlier * TOLERATED.share + constant;
    if (scans > 0 && live > LARGE) found[table] = 'is scanned sequentially';
    else if (isMore(rows, before.rows)) found[table] = `${rows} rows are read instead of ${before.rows}`;
    else if (isMore(pages, before.pages)) found[table] = `${pages} pages are read instead of ${before.pages}`;
  }
  return found;
}

const cursorAt = (position: number) => Buffer.from(`feed:${position}`).toString('base64url');
const lists = (path: string, filters: readonly string[]) =>
  filters.map((filter) => `${path}?limit=3${filter}`);

/** Where few entries come after a cursor, PostgreSQL may read them all to find those of a user. */
const FEED = lists('/api/v1/kiip/issuances', [
  `&after=${cursorAt(HISTORY + RECENT / 2)}`,
  `&after=${cursorAt(HISTORY + RECENT)}`,
  ...['', '&user_id=busy', '&user_id=user-1', '&user_id=nobody'].flatMap((user) =>
    ['', '&status=recorded', '&status=released', '&status=discarded', '&status=quarantined'].flatMap(
      (status) => [
        user + status,
        `${user}${status}&after=${cursorAt(HISTORY + RECENT - 20)}`,
        `${user}${status}&order=desc`,
      ],
    ),
  ),
]);
/** Those of the last entries, and of none. */
const TRANSACTIONS = lists(
  '/api/v1/kiip/issuances',
  [`t${HISTORY + RECENT}`, 'nothing'].flatMap((id) =>
    ['', '&user_id=busy', '&status=recorded', '&order=desc'].map(
      (filter) => `&transaction_id=${id}${filter}`,
    ),
  ),
);
const deliveriesOf = ({ cursors }: Side) =>
  lists(
    '/api/v1/deliveries',
    ['', '&consumer=wallet', '&consumer=gone', '&consumer=nobody'].flatMap((name) =>
      ['', '&status=pending', '&status=delivered', '&status=dead'].flatMap((status) =>
        ['', '&order=desc', '&issuance_id=nothing', ...cursors.map((cursor) => `&after=${cursor}`)].map(
          (after) => name + status + after,
        ),
      ),
    ),
  );
const REWARDS = ['busy', 'user-1', 'nobody'].map((user) => `/api/v1/kiip/users/${user}/rewards`);
const BALANCES = ['busy', 'user-1', 'nobody'].map((user) => `/api/v1/kiip/users/${user}/balances`);

async function getAll(gateway: KiipGateway, paths: readonly string[]): Promise<void> {
  for (const path of paths) expect([path, (await gateway.get(path)).status]).toEqual([path, 200]);
}

describe('what PostgreSQL reads does not grow with the history:', () => {
  let recent: Side;
  let grown: Side;
  let stopRecording: () => Statements;
  let sent: Statements;
  beforeAll(async () => {
    [recent, grown] = await Promise.all([Side.open(false), Side.open(true)]);
    stopRecording = recordStatements();
  }, 120_000);
  afterAll(async () => {
    stopRecording();
    await Promise.all([recent, grown].map((side) => side.close()));
  });

  async function growthOf(work: Work, role?: string): Promise<Record<string, string>> {
    const constant = role === 'all' ? TOLERATED_POLLS : TOLERATED.constant;
    return growth(await recent.measure(work, role), await grown.measure(work, role), constant);
  }

  it('the feed', async () => {
    expect(await growthOf((gateway) => getAll(gateway, FEED))).toEqual({});
  });

  it('the entries of a transaction, and the rewards of a user', async () => {
    expect(await growthOf((gateway) => getAll(gateway, [...TRANSACTIONS, ...REWARDS]))).toEqual({});
  });

  it('the lists of deliveries', async () => {
    expect(await growthOf((gateway, side) => getAll(gateway, deliveriesOf(side)))).toEqual({});
  });

  it('balances, once those of a user with many entries have been added up', async () => {
    await grown.measure((gateway) => getAll(gateway, BALANCES));
    expect(await growthOf((gateway) => getAll(gateway, BALANCES))).toEqual({});
  });

  it('an entry with its history', async () => {
    const found = await growthOf(async (gateway) => {
      const { items } = await gateway.read(`/issuances?limit=20&after=${cursorAt(HISTORY + RECENT - 20)}`);
      expect(items).toHaveLength(20);
      await getAll(
        gateway,
        items.map(({ id }) => `/api/v1/kiip/issuances/${String(id)}`),
      );
    });
    expect(found).toEqual({});
  });

  it('the reconciliation of an hour, and the numbers of the metrics', async () => {
    const [from, to] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 60_000)];
    const found = await growthOf(async (gateway) => {
      const path = `/reconciliation?from=${from.toISOString()}&to=${to.toISOString()}`;
      expect(await gateway.read(path)).toMatchObject({ missing: 0, rewards_without_callback: [] });
      await gateway.app.get(LedgerStatsService, { strict: false }).collect();
    });
    expect(found).toEqual({});
  });

  it('callbacks, and the deliveries that they cause', async () => {
    const found = await growthOf(async (gateway, { inbox }) => {
      const callbacks = Array.from({ length: 64 }, (_, n) =>
        redemption({ user_id: n === 0 ? 'busy' : `new-${n}` }),
      );
      // An earlier one again, and one that no secret has signed.
      const others = [callbacks[0]!, redemption({ signature: '0'.repeat(40) })];
      const deliveredBefore = inbox.receipts.length;
      for (const fields of callbacks) expect((await gateway.callback(fields)).status).toBe(200);
      for (const fields of others) await gateway.callback(fields);
      await waitFor('all are delivered', () => inbox.receipts.length - deliveredBefore === 128);
    }, 'all');
    expect(found).toEqual({});
  });

  it('a decision, a retry, a replay and the audit log', async () => {
    const found = await growthOf(async (gateway, { cursors: [cursor] }) => {
      const { id } = (await gateway.callback(redemption({ quantity: 'many', user_id: 'held' }))).body;
      expect((await gateway.post(`/api/v1/kiip/issuances/${String(id)}/discard`, {})).status).toBe(200);
      const page = await gateway.get(`/api/v1/deliveries?consumer=wallet&limit=1&after=${cursor}`);
      const [delivery] = ((await page.json()) as { items: { id: string }[] }).items;
      expect((await gateway.post(`/api/v1/deliveries/${delivery!.id}/retry`, {})).status).toBe(202);
      const [from, to] = [new Date(Date.now() - 50_000).toISOString(), new Date().toISOString()];
      const replays = '/api/v1/deliveries/replays';
      const started = await gateway.post(replays, { consumer: 'wallet', from, to, rate_per_second: 1_000 });
      const replay = `${replays}/${((await started.json()) as { id: string }).id}`;
      await waitFor('the replay is finished', async () => {
        const { finished_at } = (await (await gateway.get(replay)).json()) as { finished_at: string | null };
        return finished_at !== null;
      });
      await getAll(gateway, ['/api/v1/audit', `/api/v1/deliveries/${delivery!.id}`]);
    }, 'all');
    expect(found).toEqual({});
  });

  it('and no plan reads a whole table, had it millions of rows', async () => {
    sent = stopRecording();
    expect(sent.length).toBeGreaterThan(100);
    expect(await grown.findScans(sent)).toEqual([]);
  });

  it('and the test sees it where an index is missing', async () => {
    await grown.run('drop index deliveries_consumer_status_id_idx, idempotency_keys_expires_at_idx');
    const found = await growthOf((gateway, side) => getAll(gateway, deliveriesOf(side)));
    expect(found).toHaveProperty('deliveries');
    const ofKeys = sent.filter(({ text }) => text.includes('idempotency_keys'));
    expect(await grown.findScans(ofKeys)).toEqual([expect.stringContaining('Seq Scan on idempotency_keys')]);
  });
});
