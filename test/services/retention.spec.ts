import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import type { Database } from '../../src/database/database.js';
import { RetentionService } from '../../src/retention/retention.service.js';
import { mintUserReference } from '../../src/user-references/user-reference.js';
import { UserReferencesService } from '../../src/user-references/user-references.service.js';
import { read } from '../support/config.js';
import { consumersConfig } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { apiKey, baseEnvironment } from '../support/gateway.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
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

async function cli(name: string, ...args: string[]) {
  const entry = fileURLToPath(new URL(`../../dist/cli/${name}.js`, import.meta.url));
  const child = spawn(process.execPath, [entry, ...args], {
    env: { ...baseEnvironment, ...database.env, DATABASE_TIMEOUT_MS: '500' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output, errors };
}

/** Every value of every table, as text; bytes as they are in a text. */
async function everything(): Promise<string> {
  const rows = await database.query(
    `select table_name, column_name, data_type from information_schema.columns where table_schema = 'public'`,
  );
  const texts = await Promise.all(
    rows.map(async ({ table_name: table, column_name: column, data_type: type }) => {
      const value = type === 'bytea' ? `encode(${String(column)}, 'escape')` : `${String(column)}::text`;
      return database.query(`select ${value} as value from ${String(table)}`);
    }),
  );
  return texts
    .flat()
    .map(({ value }) => String(value))
    .join('\n');
}

describe('npm run user:erase and user:export', () => {
  const alice = 'alice-é+1@shop.example';

  it('remove and show who a user was: money stays', async () => {
    await database.empty();
    await run('delete from kiip_promised_rewards; delete from kiip_rewarded_moments');
    const gateway = await startKiipGateway({
      ...database.env,
      KIIP_USER_REFERENCE: 'opaque',
      KIIP_UNKNOWN_USERS: 'accept',
      DELIVERY_CONSUMERS: consumersConfig('http://127.0.0.1:9', { order_by: 'user_id' }),
    });
    const users = gateway.app.get(UserReferencesService, { strict: false });
    const [reference, other] = [
      await users.getReference(alice, mintUserReference),
      await users.getReference('bob', mintUserReference),
    ];
    const send = async (user_id: string) =>
      (await gateway.callback(redemption({ user_id, transaction_id: crypto.randomUUID() })))
        .body as unknown as {
        id: string;
      };
    const entries = [await send(reference), await send(reference)];
    await send(other);
    await run(
      `insert into kiip_rewarded_moments values ('r-1', 'm-1', '${alice}', '20', now()), ('r-2', 'm-1', 'bob', '20', now())`,
    );
    await run(
      `insert into kiip_promised_rewards values ('t-1', '${reference}', '${alice}', 'r-1', 'view_id', '20', false),
        ('t-2', '${reference}', null, null, 'view_id', null, false), ('t-1', 'bob', 'bob', 'r-2', 'view_id', '20', false)`,
    );
    await gateway.form({ ...redemption({ user_id: alice }), signature: 'f'.repeat(40) });
    await gateway.callback({ ...redemption({ user_id: alice }), signature: 'e'.repeat(40) });
    await gateway.callback({ ...redemption({ user_id: 'bob' }), signature: 'd'.repeat(40) });
    await waitFor('all are deliveries', async () => (await count('deliveries')) === 3);

    const exported = await cli('user-export', alice);
    expect([exported.code, exported.errors]).toEqual([0, '']);
    expect(JSON.parse(exported.output)).toMatchObject({
      user_id: alice,
      user_references: [{ reference }],
      ledger_entries: entries.map(({ id }) => ({ id, user_id: alice, quantity_text: '20' })),
      deliveries: entries.map(({ id }) => ({ ledger_id: id, consumer: 'wallet' })),
      promised_rewards: [{ transaction_id: 't-1', kiip_user_id: reference, quantity: '20' }],
      rewarded_moments: [{ reward_id: 'r-1' }],
    });

    const before = await everything();
    expect([before.includes(alice), before.includes(reference)]).toEqual([true, true]);
    const erased = await cli('user-erase', alice);
    expect([erased.code, erased.errors]).toEqual([0, '']);
    const { alias, ...numbers } = JSON.parse(erased.output) as Record<string, unknown>;
    expect(numbers).toEqual({
      ledger_entries: 2,
      deliveries: 2,
      promised_rewards: 2,
      rewarded_moments: 1,
      rejected_callbacks: 2,
      user_references: 1,
    });
    const after = await everything();
    for (const text of [alice, encodeURIComponent(alice), 'alice', reference])
      expect([text, after.includes(text)]).toEqual([text, false]);
    expect(after).toContain('bob');

    const { balances } = (await gateway.read(`/users/${String(alias)}/balances`)) as unknown as {
      balances: object[];
    };
    expect(balances).toEqual([expect.objectContaining({ quantity: 40 })]);
    expect((await gateway.read('/users/bob/balances')) as object).toMatchObject({
      balances: [{ quantity: 20 }],
    });
    expect(await cli('user-erase', alice)).toMatchObject({
      code: 0,
      output: expect.stringContaining('"ledger_entries":0'),
    });
    expect(JSON.stringify(gateway.log)).not.toContain('alice');
    await gateway.close();
  });

  it('still recognise the callback of an erased user that arrives again', async () => {
    const gateway = await startKiipGateway({ ...database.env, KIIP_USER_REFERENCE: 'plain' });
    const callback = redemption({ user_id: 'carol', transaction_id: crypto.randomUUID() });
    await gateway.know('carol');
    const first = (await gateway.callback(callback)).body;
    expect((await cli('user-erase', 'carol')).code).toBe(0);
    expect((await gateway.callback(callback)).body).toMatchObject({ status: 'duplicate', id: first['id'] });
    await gateway.close();
  });

  it('may take longer than a statement of a request', async () => {
    const client = await database.client();
    await client.query('begin; lock table kiip_promised_rewards in access exclusive mode');
    const commands = ['user-erase', 'user-export'].map((name) => cli(name, 'dora'));
    const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
    await waitFor('both wait', async () => (await database.query(waiting)).length === 2);
    // Longer than DATABASE_TIMEOUT_MS.
    await client.query('select pg_sleep(1)');
    await client.query('rollback');
    await client.end();
    for (const command of commands) expect(await command).toMatchObject({ code: 0, errors: '' });
  });

  it.each([[], [''], ['a', 'b']])('explain what they need when the arguments are %j', async (...args) => {
    for (const name of ['user-erase', 'user-export'])
      expect(await cli(name, ...args)).toEqual({
        code: 64,
        output: '',
        errors: `Usage: npm run ${name.replace('-', ':')} -- <user id>\n`,
      });
  });

  it('print no credential', async () => {
    expect((await cli('user-export', 'nobody')).output).not.toContain(apiKey);
  });
});
