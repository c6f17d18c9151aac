import { LedgerService } from '../../src/ledger/ledger.service.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { startKiipGateway } from '../support/kiip.js';
import { scale } from '../support/scale.js';

const ROWS = scale(20_000, 400_000);

/** Each filter alone and with the others, in both orders. The rows that it finds are the last ones, or there are none. */
const PATHS = ['', 'order=desc']
  .flatMap((order) => [
    ...['', 'consumer=nobody', 'consumer=wallet', 'consumer=rare'].flatMap((consumer) =>
      ['', 'status=pending', 'status=delivered', 'status=dead'].flatMap((status) =>
        ['', 'issuance_id=iss_00000001', 'issuance_id=nothing'].map(
          (entry) => `/api/v1/deliveries?limit=1&${order}&${consumer}&${status}&${entry}`,
        ),
      ),
    ),
    ...['', 'user_id=nobody', 'user_id=busy', 'user_id=rare'].flatMap((user) =>
      ['', 'status=recorded', 'status=quarantined', 'status=released', 'status=discarded'].flatMap((status) =>
        ['', 'transaction_id=1', 'transaction_id=nothing'].map(
          (transaction) => `/api/v1/kiip/issuances?limit=1&${order}&${user}&${status}&${transaction}`,
        ),
      ),
    ),
  ])
  .map((path) => path.replaceAll(/&+/g, '&').replace(/&$/, ''));

let database: TestDatabase;

beforeAll(async () => {
  database = await newDatabase();
  // All of one consumer, user and status, but for the last two.
  await database.query(`
    insert into ledger (id, kind, status, is_test, transaction_id, content, quantity, quantity_text, user_id, received_at, signature,
      signed_text, signed_text_hash, fields_hash, transaction_hash, signature_scheme, secret_index, feed_position)
    select 'iss_' || to_char(n, 'fm00000000'), 'redemption',
      (case when n <= ${ROWS} - 2 then 'quarantined' when n = ${ROWS} - 1 then 'discarded' else 'recorded' end),
      false, n::text, 'content', 1, '1', case when n <= ${ROWS} - 2 then 'busy' else 'rare' end, now(), n::text,
      '', n::text, n::text, n::text, 'redemption', 1, n
    from generate_series(1, ${ROWS}) n`);
  await database.query(`
    insert into deliveries (ledger_id, consumer, status, accepted_at, next_attempt_at)
    select id, case when feed_position <= ${ROWS} - 2 then 'wallet' else 'rare' end,
      case when feed_position = ${ROWS} then 'dead' else 'pending' end, now(), case when feed_position < ${ROWS} then now() end
    from ledger order by id`);
  await database.query('analyze');
}, 120_000);
afterAll(() => database.drop());

/** Rows and index entries that were read so far. A connection reports them when it ends. */
async function countReads(): Promise<Record<string, number>> {
  const rows = await database.query(
    `select t.relname as name, (t.seq_tup_read + coalesce(sum(i.idx_tup_read), 0))::int as reads
     from pg_stat_user_tables t left join pg_stat_user_indexes i using (relid)
     where t.relname in ('ledger', 'deliveries') group by t.relname, t.seq_tup_read`,
  );
  return Object.fromEntries(rows.map(({ name, reads }) => [name as string, reads as number]));
}

it('a page of one row reads a few rows at most, whichever filters it has, and so do the sweeps', async () => {
  const before = await countReads();
  const gateway = await startKiipGateway({ ...database.env, ROLE: 'api' });
  try {
    for (const path of PATHS) expect([path, (await gateway.get(path)).status]).toEqual([path, 200]);
    expect(await gateway.app.get(LedgerService, { strict: false }).findPromised(600_000)).toEqual([]);
  } finally {
    await gateway.close();
  }
  const after = await countReads();
  const reads = Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, count - before[name]!]),
  );
  expect(reads['deliveries']).toBeLessThan(PATHS.length * 5);
  expect(reads['ledger']).toBeLessThan(PATHS.length * 5);
});
