import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { mintUserReference } from '../../src/user-references/user-reference.js';
import { UserReferencesService } from '../../src/user-references/user-references.service.js';
import { consumersConfig } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { apiKey, baseEnvironment } from '../support/gateway.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await newDatabase();
});
afterAll(() => database.drop());

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
    await database.query(
      `insert into kiip_rewarded_moments values ('r-1', 'm-1', '${alice}', '20', now()), ('r-2', 'm-1', 'bob', '20', now())`,
    );
    await database.query(
      `insert into kiip_promised_rewards values ('t-1', '${reference}', '${alice}', 'r-1', 'view_id', '20', false),
        ('t-2', '${reference}', null, null, 'view_id', null, false), ('t-1', 'bob', 'bob', 'r-2', 'view_id', '20', false)`,
    );
    await gateway.form({ ...redemption({ user_id: alice }), signature: 'f'.repeat(40) });
    await gateway.callback({ ...redemption({ user_id: alice }), signature: 'e'.repeat(40) });
    await gateway.callback({ ...redemption({ user_id: 'bob' }), signature: 'd'.repeat(40) });
    await waitFor(
      'all are deliveries',
      async () => (await database.query('select from deliveries')).length === 3,
    );

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
