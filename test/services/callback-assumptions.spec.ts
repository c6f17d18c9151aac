import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Environment } from '../../src/config/read-config.js';
import { kiipAppKey, momentOf } from '../support/kiip-world.js';
import { redemption, startKiipGateway, transaction } from '../support/kiip.js';
import type { Fields, KiipGateway } from '../support/kiip.js';
import { newProxiedDatabase } from '../support/proxied-database.js';
import type { ProxiedDatabase } from '../support/proxied-database.js';

/** What Kiip answers to the next moment. */
let next: { id: string; value: string | undefined };
const kiip = createServer((request, response) => {
  request.resume();
  const { id, value } = next;
  const url = `http://${request.headers.host}/reward/${id}`;
  response.end(JSON.stringify({ view: { id, modal: { body_url: url }, virtual: { virtual_value: value } } }));
});
let database: ProxiedDatabase;
let quarantining: { one: KiipGateway; other: KiipGateway };
let accepting: { one: KiipGateway; other: KiipGateway };

beforeAll(async () => {
  kiip.listen(0, '127.0.0.1');
  await once(kiip, 'listening');
  database = await newProxiedDatabase();
  quarantining = { one: await start('quarantine'), other: await start('quarantine') };
  accepting = { one: await start('accept'), other: await start('accept') };
});
afterAll(async () => {
  for (const gateway of gateways()) await gateway.close();
  await database.drop();
  kiip.close();
});

const start = (unknownRewards: string, env: Environment = {}) =>
  startKiipGateway({
    ...database.env,
    KIIP_BASE_URL: `http://127.0.0.1:${(kiip.address() as AddressInfo).port}`,
    KIIP_APP_KEY: kiipAppKey,
    KIIP_UNKNOWN_REWARDS: unknownRewards,
    KIIP_UNKNOWN_USERS: 'accept',
    ...env,
  });
const gateways = () => [quarantining.one, quarantining.other, accepting.one, accepting.other];

/** Sends a moment whose reward is for the user. @returns the transaction of its callback */
async function promise(gateway: KiipGateway, userId: string, value?: string, id = transaction()) {
  next = { id, value };
  expect((await gateway.post('/api/v1/kiip/moments', momentOf(userId))).status).toBe(200);
  return id;
}

/** @returns the status of the callback, the reason if it is quarantined, and how many look-ups and inserts it took */
async function send(gateway: KiipGateway, fields: Fields) {
  const before = countStatements();
  const { body } = await gateway.callback(redemption(fields));
  const [lookups, inserts] = countStatements().map((now, index) => now - before[index]!);
  const { reason, user_id: user } = await gateway.read(`/issuances/${String(body['id'])}`);
  return { status: body['status'], reason, user, lookups, inserts };
}

/** A connection that is new prepares a statement first, which mentions its name once more, beside its text. */
const countStatements = () =>
  [
    ['gateway_find_contexts', 'as callback ('],
    ['gateway_insert_ledger', 'as incoming ('],
  ].map(([name, text]) => database.proxy.countWords(name!) - database.proxy.countWords(text!));

const ONE_STATEMENT = { status: 'recorded', reason: null, lookups: 0, inserts: 1 };

it.each([
  ['quarantine', () => quarantining.one],
  ['accept', () => accepting.one],
])('a callback for a reward of this process takes one statement (%s)', async (_, of) => {
  for (const value of ['20', undefined]) {
    const transaction_id = await promise(of(), 'lucky', value);
    const user_id = 'lucky';
    expect(await send(of(), { transaction_id, user_id })).toEqual({ ...ONE_STATEMENT, user: user_id });
  }
});

it('and so does one that names the user by a reference', async () => {
  const gateway = await start('accept', { KIIP_USER_REFERENCE: 'opaque' });
  const transaction_id = await promise(gateway, 'referenced', '20');
  const [user] = await database.query(
    `select reference from kiip_user_references where user_id = 'referenced'`,
  );
  const fields = { transaction_id, user_id: String(user!['reference']) };
  expect(await send(gateway, fields)).toEqual({ ...ONE_STATEMENT, user: 'referenced' });
  await gateway.close();
});

it('a callback of which nothing is known takes one statement, where such callbacks are accepted', async () => {
  expect(await send(accepting.one, { user_id: 'stranger' })).toEqual({ ...ONE_STATEMENT, user: 'stranger' });
  expect(await send(quarantining.one, { user_id: 'stranger' })).toMatchObject({
    status: 'quarantined',
    reason: 'unknown-reward',
  });
});

it('a callback for a reward of another process takes two', async () => {
  const fields = { user_id: 'lucky', transaction_id: await promise(quarantining.one, 'lucky', '20') };
  const two = { status: 'recorded', reason: null, user: 'lucky' };
  expect(await send(quarantining.other, fields)).toEqual({ ...two, lookups: 1, inserts: 1 });
  const accepted = { user_id: 'lucky', transaction_id: await promise(accepting.one, 'lucky', '20') };
  expect(await send(accepting.other, accepted)).toEqual({ ...two, lookups: 0, inserts: 2 });
});

describe('what another process knows counts', () => {
  it('the reward was promised to another user, or with another quantity', async () => {
    const transaction_id = await promise(accepting.one, 'lucky', '20');
    expect(await send(accepting.other, { transaction_id, user_id: 'thief' })).toMatchObject({
      status: 'quarantined',
      reason: 'promised-to-another-user: user_id',
    });
    expect(await send(accepting.other, { transaction_id, user_id: 'lucky', quantity: 200 })).toMatchObject({
      status: 'quarantined',
      reason: 'promised-another-quantity: quantity',
    });
  });

  it('the reward was promised to another user as well', async () => {
    for (const { one, other } of [quarantining, accepting]) {
      const transaction_id = await promise(one, 'lucky');
      await promise(other, '0lucky', undefined, transaction_id);
      // 2 for 0lucky has the same signed text as 20 for lucky.
      expect(await send(one, { transaction_id, user_id: 'lucky' })).toMatchObject({
        status: 'quarantined',
        reason: 'more-than-one-reading',
      });
    }
  });

  it('another reading names a user who was sent to Kiip', async () => {
    const fields = { user_id: 'user', quantity: 201 };
    expect(await send(accepting.one, fields)).toMatchObject({ status: 'recorded' });
    await accepting.other.know('1user');
    expect(await send(accepting.one, fields)).toMatchObject({
      status: 'quarantined',
      reason: 'more-than-one-reading',
    });
  });

  it('the promise was deleted', async () => {
    const transaction_id = await promise(quarantining.one, 'lucky', '20');
    await database.query('delete from kiip_promised_rewards');
    expect(await send(quarantining.one, { transaction_id, user_id: 'lucky' })).toMatchObject({
      status: 'quarantined',
      reason: 'unknown-reward',
    });
  });
});

it('callbacks that come again, or are quarantined already, are what they were', async () => {
  const transaction_id = await promise(accepting.one, 'again', '20');
  const fields = { transaction_id, user_id: 'again' };
  expect(await send(accepting.one, fields)).toMatchObject({ status: 'recorded' });
  expect(await send(accepting.one, fields)).toMatchObject({ status: 'duplicate', reason: null, inserts: 1 });
  const early = { transaction_id: transaction(), user_id: 'again' };
  expect(await send(quarantining.one, early)).toMatchObject({ status: 'quarantined' });
  // Accepted where such callbacks are accepted.
  expect(await send(accepting.one, early)).toMatchObject({ status: 'recorded', reason: null });
});

it('many other readings are looked up first', async () => {
  const user_id = `${'1a'.repeat(20)}user`;
  expect(await send(accepting.one, { user_id })).toEqual({
    ...ONE_STATEMENT,
    lookups: 1,
    user: user_id,
  });
});

it('callbacks that arrive together share their look-ups', async () => {
  const [before] = countStatements();
  database.proxy.delayMs = 100;
  const callbacks = Array.from({ length: 100 }, () => quarantining.one.callback(redemption()));
  const answers = await Promise.all(callbacks);
  database.proxy.delayMs = 0;
  expect(new Set(answers.map(({ body }) => body['status']))).toEqual(new Set(['quarantined']));
  expect(countStatements()[0]! - before!).toBeLessThan(50);
});

it('callbacks that arrive together are each decided on their own', async () => {
  const known = await promise(accepting.other, 'lucky', '20');
  const answers = await Promise.all(
    ['thief', 'stranger', 'lucky', 'nobody'].map(async (user_id) => {
      const isKnown = user_id === 'thief' || user_id === 'lucky';
      const fields = redemption({ user_id, transaction_id: isKnown ? known : transaction() });
      return (await accepting.one.callback(fields)).body['status'];
    }),
  );
  expect(answers).toEqual(['quarantined', 'recorded', 'recorded', 'recorded']);
});
