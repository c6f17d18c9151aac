import { eraseUser } from '../../src/retention/personal-data.js';
import { Database } from '../../src/database/database.js';
import { LedgerService } from '../../src/ledger/ledger.service.js';
import { redemption as facts } from '../support/callback-facts.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';

const ENTRIES = 12_000;
const decision = { caller: 'operations', requestId: 'request-1' };

/** Entries of a user with positions, of three currencies; some are test rewards, and some are not accepted. */
const fill = (user: string, entries: number) => `
  insert into ledger (id, kind, status, reason_code, is_test, transaction_id, content, name, quantity, quantity_text, user_id, received_at,
    signature, signed_text, signed_text_hash, fields_hash, transaction_hash, signature_scheme, secret_index, feed_position)
  select 'iss_0' || lpad(n::text, 31, '0'), 'redemption',
    case n % 10 when 0 then 'quarantined' when 1 then 'released' when 2 then 'discarded' else 'recorded' end, 'unknown-reward',
    n % 7 = 0, '${user}' || n, 'currency-' || n % 3, case when n % 5 = 0 then null else 'Name ' || n % 4 end, n % 100 + 1, '1', '${user}', now(),
    '${user}' || n, '', '${user}' || n, '${user}' || n, '${user}' || n, 'redemption', 1, nextval('ledger_feed_position')
  from generate_series(1, ${entries}) n`;

describe('the balances of a user with many entries', () => {
  let server: TestDatabase;
  let database: Database;
  let ledger: LedgerService;
  beforeAll(async () => {
    server = await newDatabase();
    database = await server.open();
    ledger = new LedgerService(database);
  }, 60_000);
  beforeEach(async () => {
    await server.empty();
    await server.query(fill('user-123', ENTRIES));
  });
  afterAll(() => server.drop());

  /** Added up from all entries, without anything stored. */
  const expected = () =>
    server.query(`
      select content, (array_agg(name order by id desc) filter (where name is not null))[1] as name, sum(quantity)::int as quantity
      from ledger where user_id = 'user-123' and not is_test and status in ('recorded', 'released') group by content order by content`);
  const positions = () => server.query('select feed_position::int as at from ledger_balances');

  it('are those of all entries, the first time and every other time', async () => {
    expect(await ledger.balances('user-123')).toEqual(await expected());
    const [{ at } = {}] = await positions();
    expect(at).toBeGreaterThan(0);
    expect(await ledger.balances('user-123')).toEqual(await expected());
  });

  it('include what is accepted afterwards, with or without a position, and its name', async () => {
    await ledger.balances('user-123');
    await ledger.record(facts({ userId: 'user-123', content: 'currency-1', name: 'Newest' }), {
      status: 'recorded',
    });
    const [held] = await server.query(
      `select id from ledger where status = 'quarantined' and not is_test order by id limit 1`,
    );
    await ledger.release(String(held!['id']), decision);
    const before = await expected();
    expect(await ledger.balances('user-123')).toEqual(before);
    expect(before).toContainEqual(expect.objectContaining({ content: 'currency-1', name: 'Newest' }));
    await ledger.list({ limit: 1 });
    expect(await ledger.balances('user-123')).toEqual(before);
  });

  it('move on after a thousand more entries', async () => {
    await ledger.balances('user-123');
    const [before] = await positions();
    await server.query(
      `update ledger set feed_position = nextval('ledger_feed_position'), status = 'released' where status = 'quarantined' and not is_test`,
    );
    expect(await ledger.balances('user-123')).toEqual(await expected());
    const [after] = await positions();
    expect(Number(after!['at'])).toBeGreaterThan(Number(before!['at']));
  });

  it('are none after the user has been erased, even if what was stored came back', async () => {
    await ledger.balances('user-123');
    await server.query('create table kept as select * from ledger_balances');
    await eraseUser(database, 'user-123');
    expect(await positions()).toEqual([]);
    expect(await ledger.balances('user-123')).toEqual([]);
    await server.query('insert into ledger_balances select * from kept');
    expect(await ledger.balances('user-123')).toEqual([]);
  });

  it('are answered by a server that only reads', async () => {
    const reading = new Database({
      server: `${server.url}?options=${encodeURIComponent('-c default_transaction_read_only=on')}`,
      timeoutMs: 10_000,
    });
    await reading.migrate();
    expect(await new LedgerService(reading).balances('user-123')).toEqual(await expected());
    expect(await positions()).toEqual([]);
    await reading.close();
  });
});
