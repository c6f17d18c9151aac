import { sql } from 'kysely';
import type { Database } from '../../src/database/database.js';
import { RetentionService } from '../../src/retention/retention.service.js';
import { read } from '../support/config.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { startKiipGateway } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

let database: TestDatabase;
let opened: Database;

beforeAll(async () => {
  database = await newDatabase();
  opened = await database.open();
});
afterAll(() => database.drop());

const run = (statement: string) => opened.run((db) => sql.raw(statement).execute(db));
const count = async (table: string) =>
  Number((await database.query(`select count(*) from ${table}`))[0]!['count']);

/** One row of each table that is as old as these days. */
async function insertRows(name: string, days: number): Promise<void> {
  const at = `now() - interval '${days} days'`;
  await run(`insert into rejected_callbacks (body_hash, body, content_type, received_at)
    values ('${name}', '\\x00', 'x', ${at})`);
  await run(`insert into idempotency_keys (key_hash, lease_token, state, body_hash, lease_expires_at, expires_at)
    values ('${name}', gen_random_uuid(), 'unknown', '', now(), ${at} + interval '1 day')`);
  await run(`insert into kiip_rewarded_moments values ('${name}', 'm', 'u', '20', ${at})`);
  await run(
    `insert into kiip_promised_rewards values ('${name}', 'u', 'u', '${name}', 'view_id', '20', false, ${at})`,
  );
  await run(
    `insert into kiip_user_references (user_id_hash, user_id, first_sent_at) values ('${name}', 'u', ${at})`,
  );
  await run(`insert into ledger (id, kind, status, is_test, transaction_id, content, quantity, quantity_text, user_id,
      received_at, signature, signed_text, signed_text_hash, fields_hash, transaction_hash, signature_scheme, secret_index)
    values ('${name}', 'redemption', 'recorded', false, 't', 'c', 1, '1', 'u', ${at}, '${name}', '', '${name}', '${name}', '${name}', 's', 1)`);
  await run(`with d as (insert into deliveries (ledger_id, consumer, status, next_attempt_at, accepted_at)
      values ('${name}', 'wallet', 'delivered', null, ${at}) returning id)
    insert into delivery_attempts select id, 1, ${at}, 1, 200, 'accepted' from d`);
}

const tables = [
  'rejected_callbacks',
  'idempotency_keys',
  'kiip_promised_rewards',
  'kiip_rewarded_moments',
  'delivery_attempts',
];
const counts = async () =>
  Object.fromEntries(
    await Promise.all([...tables, 'kiip_user_references'].map(async (table) => [table, await count(table)])),
  );

describe('old rows', () => {
  beforeEach(() => database.empty());
  beforeEach(() => run('delete from kiip_promised_rewards; delete from kiip_rewarded_moments'));

  it('are deleted at the start, without any traffic, and neither entries nor users go', async () => {
    await insertRows('new', 0);
    await insertRows('old', 1_000);
    expect(Object.values(await counts())).toEqual([2, 2, 2, 2, 2, 2]);
    const gateway = await startKiipGateway(database.env);
    await waitFor('only new rows are left', async () =>
      Object.values(await counts()).every((left, index) => left === [1, 1, 1, 1, 1, 2][index]),
    );
    expect([await count('ledger'), await count('deliveries')]).toEqual([2, 2]);
    const logged = gateway.log.filter(({ msg }) => msg === 'old rows deleted');
    expect(new Map(logged.map(({ id, count: deleted }) => [id, deleted]))).toEqual(
      new Map(tables.map((table) => [table, 1])),
    );
    await gateway.close();
  });

  it('are those beyond the days of their table in the configuration', async () => {
    for (const [index, days] of [1, 3, 5, 7, 9].entries()) await insertRows(`row-${index}`, days);
    const retention = new RetentionService(
      opened,
      read({
        RETENTION_REJECTED_CALLBACKS_DAYS: '2',
        RETENTION_REWARDED_MOMENTS_DAYS: '4',
        RETENTION_DELIVERY_ATTEMPTS_DAYS: '6',
        RETENTION_USERS_DAYS: '8',
      }),
    );
    await retention.sweep();
    expect(await counts()).toEqual({
      rejected_callbacks: 1,
      idempotency_keys: 0,
      kiip_promised_rewards: 2,
      kiip_rewarded_moments: 2,
      delivery_attempts: 3,
      kiip_user_references: 4,
    });
  });

  it('are deleted in batches, and by several processes at once', async () => {
    await run(`insert into rejected_callbacks (body_hash, body, content_type, received_at)
      select n::text, '\\x00', 'x', now() - interval '40 days' from generate_series(1, 2500) n`);
    const other = new RetentionService(await database.open(), read());
    const deleted = await Promise.all([new RetentionService(opened, read()).sweep(), other.sweep()]);
    expect(deleted.map((each) => each['rejected_callbacks']!).reduce((a, b) => a + b)).toBe(2_500);
    expect(await count('rejected_callbacks')).toBe(0);
  });

  it('of a delivery that is still pending stay', async () => {
    await insertRows('old', 1_000);
    await run(`update deliveries set status = 'pending', next_attempt_at = now()`);
    await new RetentionService(opened, read()).sweep();
    expect(await count('delivery_attempts')).toBe(1);
  });
});
