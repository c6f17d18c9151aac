import { join } from 'node:path';
import { Pool } from 'pg';
import type { PoolClient } from 'pg';
import type { ConsumerOptions, RewardsConsumer } from '../../clients/consumer/src/index.js';
import { RewardsGatewayClient } from '../../clients/typescript/src/index.js';
import { CONSUMER_SECRET } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { apiKey, startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { redemption } from '../support/kiip.js';
import { installConsumer } from '../support/packed-consumer.js';
import type { PackedConsumer } from '../support/packed-consumer.js';

/** In the form of a cursor, of a history that the database does not have. */
const LOST_CURSOR = Buffer.from('feed:7:1f4c2a90').toString('base64url');

let packed: PackedConsumer;
let database: TestDatabase;
let gateway: Gateway;
let pool: Pool;
let client: RewardsGatewayClient;
let consumer: RewardsConsumer<PoolClient>;
let inbox: ConsumerOptions<PoolClient>['inbox'];
let simulate: typeof import('../../clients/consumer/src/testing.js').simulate;
/** Users for whose entries `handle` fails. */
const failing = new Set<string>();

beforeAll(async () => {
  [packed, database] = await Promise.all([installConsumer(), newDatabase()]);
  // It has no consumer, so nothing comes but by the feed.
  gateway = await startGateway({
    ...database.env,
    KIIP_CURRENCIES: '{"coins":{"name":"Coins","max_quantity":100}}',
  });
  client = new RewardsGatewayClient({ url: gateway.url, token: apiKey });
  const load = (name: string) => import(join(packed.installed, 'dist', `${name}.js`)) as Promise<object>;
  const core = (await load('index')) as typeof import('../../clients/consumer/src/index.js');
  const { pgInbox } = (await load('pg')) as typeof import('../../clients/consumer/src/pg.js');
  ({ simulate } = (await load('testing')) as typeof import('../../clients/consumer/src/testing.js'));
  pool = new Pool({ connectionString: database.url });
  pool.on('error', () => undefined);
  await pool.query(`${core.createInboxTables()} create table credits (user_id text, quantity int)`);
  inbox = pgInbox(pool);
  consumer = new core.RewardsConsumer({
    secrets: [CONSUMER_SECRET],
    inbox,
    handle: async ({ data }, tx) => {
      await tx.query('insert into credits values ($1, $2)', [data.user_id, data.quantity]);
      if (failing.has(data.user_id)) throw new Error('not now');
    },
  });
}, 240_000);
afterAll(async () => {
  await pool.end();
  await gateway.close();
  await database.drop();
  packed.remove();
});

const record = async (user_id: string, quantity = 10, transaction?: string) => {
  const fields = { content: 'coins', user_id, quantity, ...(transaction && { transaction_id: transaction }) };
  const response = await gateway.post('/callbacks/kiip', redemption(fields));
  return ((await response.json()) as { id: string }).id;
};
const credits = async () =>
  (await database.query('select user_id, quantity from credits order by user_id')).map(
    ({ user_id, quantity }) => [user_id, quantity],
  );

describe('catching up from the feed', () => {
  it('handles what was accepted and did not come, once', async () => {
    for (const user of ['a', 'b']) await record(user);
    const quarantined = await record('c', 1_000);
    await record('d', 10, 'test_1');

    expect(await consumer.catchUp(client)).toEqual({ handled: 2, duplicate: 0, expired: 0, ignored: 2 });
    expect(await consumer.catchUp(client)).toEqual({ handled: 0, duplicate: 0, expired: 0, ignored: 0 });
    expect(
      (await gateway.post(`/api/v1/kiip/issuances/${quarantined}/release`, { reason: 'checked' })).status,
    ).toBe(200);
    expect(await consumer.catchUp(client)).toEqual({ handled: 1, duplicate: 0, expired: 0, ignored: 0 });
    expect(await credits()).toEqual([
      ['a', 10],
      ['b', 10],
      ['c', 1_000],
    ]);
  });

  it('counts an entry once that comes by webhook too, and at the same time', async () => {
    await record('e');
    const { items } = await client.listIssuances({ user_id: 'e' });
    const event = simulate(CONSUMER_SECRET, items[0]);

    const [counts, ...responses] = await Promise.all([
      consumer.catchUp(client),
      ...[1, 2, 3].map(() => consumer.fetch(new Request('http://wallet/events', event))),
    ]);

    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(counts.handled + counts.duplicate).toBe(1);
    expect((await credits()).filter(([user]) => user === 'e')).toHaveLength(1);
  });

  it('stops at an entry that cannot be handled, and begins there the next time', async () => {
    failing.add('f');
    await record('f');
    await record('g');

    await expect(consumer.catchUp(client)).rejects.toThrow('not now');
    failing.clear();
    expect(await consumer.catchUp(client)).toMatchObject({ handled: 2 });
    expect((await credits()).filter(([user]) => user === 'f')).toHaveLength(1);
  });

  it('reads all again when the database of the gateway was set back', async () => {
    await inbox.saveCursor(LOST_CURSOR);
    const before = await credits();
    await record('h');

    expect(await consumer.catchUp(client)).toMatchObject({ handled: 1, duplicate: before.length });
    expect(await inbox.loadCursor()).not.toBe(LOST_CURSOR);
  });

  it('ends by its signal', async () => {
    await expect(consumer.catchUp(client, { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
  });
});
