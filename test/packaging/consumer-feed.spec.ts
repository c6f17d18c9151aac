import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { mock } from 'node:test';
import { Pool } from 'pg';
import type { PoolClient } from 'pg';
import type { ConsumerOptions, RewardsConsumer } from '../../clients/consumer/src/index.js';
import { RewardsGatewayClient } from '../../clients/typescript/src/index.js';
import { consumersConfig, CONSUMER_SECRET } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { apiKey, startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { redemption } from '../support/kiip.js';
import { installConsumer } from '../support/packed-consumer.js';
import type { PackedConsumer } from '../support/packed-consumer.js';
import { waitFor } from '../support/wait-for.js';

/** In the form of a cursor, of a history that the database does not have. */
const LOST_CURSOR = Buffer.from('feed:7:1f4c2a90').toString('base64url');
const CURRENCIES = '{"coins":{"name":"Coins","max_quantity":100}}';

let packed: PackedConsumer;
let database: TestDatabase;
let gateway: Gateway;
let pool: Pool;
let client: RewardsGatewayClient;
let consumer: RewardsConsumer<PoolClient>;
let inbox: ConsumerOptions<PoolClient>['inbox'];
let core: typeof import('../../clients/consumer/src/index.js');
let expressHandler: typeof import('../../clients/consumer/src/express.js').expressHandler;
let simulate: typeof import('../../clients/consumer/src/testing.js').simulate;
/** Users for whose entries `handle` fails. */
const failing = new Set<string>();

beforeAll(async () => {
  [packed, database] = await Promise.all([installConsumer(), newDatabase()]);
  // It has no consumer, so nothing comes but by the feed.
  gateway = await startGateway({ ...database.env, KIIP_CURRENCIES: CURRENCIES });
  client = new RewardsGatewayClient({ url: gateway.url, token: apiKey });
  const load = (name: string) => import(join(packed.installed, 'dist', `${name}.js`)) as Promise<object>;
  core = (await load('index')) as typeof core;
  ({ expressHandler } = (await load('express')) as typeof import('../../clients/consumer/src/express.js'));
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

    expect(await consumer.catchUp(client)).toEqual({
      handled: 2,
      duplicate: 0,
      conflict: 0,
      expired: 0,
      ignored: 2,
    });
    expect(await consumer.catchUp(client)).toEqual({
      handled: 0,
      duplicate: 0,
      conflict: 0,
      expired: 0,
      ignored: 0,
    });
    expect(
      (await gateway.post(`/api/v1/kiip/issuances/${quarantined}/release`, { reason: 'checked' })).status,
    ).toBe(200);
    expect(await consumer.catchUp(client)).toEqual({
      handled: 1,
      duplicate: 0,
      conflict: 0,
      expired: 0,
      ignored: 0,
    });
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

  it('goes on behind an entry that cannot be handled, and begins there the next time', async () => {
    failing.add('f');
    const id = await record('f');
    await record('g');
    const before = await inbox.loadCursor();

    await expect(consumer.catchUp(client)).rejects.toThrow(
      expect.objectContaining({ message: expect.stringContaining(id), errors: [new Error('not now')] }),
    );
    expect((await credits()).map(([user]) => user)).toContain('g');
    expect(await inbox.loadCursor()).toBe(before);
    failing.clear();
    expect(await consumer.catchUp(client)).toMatchObject({ handled: 1, duplicate: 1 });
    expect((await credits()).filter(([user]) => user === 'f')).toHaveLength(1);
  });

  it('reads all again when the database of the gateway was set back', async () => {
    await inbox.saveCursor(LOST_CURSOR);
    const before = await credits();
    await record('h');

    expect(await consumer.catchUp(client)).toMatchObject({ handled: 1, duplicate: before.length });
    expect(await inbox.loadCursor()).not.toBe(LOST_CURSOR);
  });

  it('begins again once, and not for ever', async () => {
    const pages = mock.fn(async function* () {
      yield* [];
      throw Object.assign(new Error('set back'), { type: 'urn:rewards-gateway:problem:feed-restarted' });
    });

    await expect(consumer.catchUp({ pages })).rejects.toThrow('set back');
    expect(pages.mock.callCount()).toBe(2);
  });

  it('ends by its signal', async () => {
    await expect(consumer.catchUp(client, { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
  });
});

it('waits with one event, or with all, as the handler says', async () => {
  const tried: string[] = [];
  const waiting = new core.RewardsConsumer({
    secrets: [CONSUMER_SECRET],
    inbox,
    onError: () => undefined,
    handle: ({ data }) => {
      tried.push(data.user_id);
      if (data.user_id === 'later') throw new core.RetryLater(3_600);
      if (data.user_id === 'closed') throw new core.ConsumerUnavailable(3_600);
    },
  });
  const handler = expressHandler(waiting);
  const server = createServer((request, response) => void handler(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const other = await newDatabase();
  const sender = await startGateway({
    ...other.env,
    KIIP_CURRENCIES: CURRENCIES,
    DELIVERY_CONSUMERS: consumersConfig(url),
  });
  const send = async (user_id: string) => {
    await sender.post('/callbacks/kiip', redemption({ content: 'coins', user_id }));
  };
  const circuit = async () => JSON.stringify(await (await sender.get('/health/dependencies')).json());
  try {
    for (const user of ['later', 'at once']) {
      await send(user);
      await waitFor(`${user} is tried`, () => tried.includes(user));
    }
    await send('closed');
    await waitFor('no event is sent', async () => (await circuit()).includes('"open"'));
    expect(tried).toEqual(['later', 'at once', 'closed']);
  } finally {
    await sender.close();
    server.close();
    await other.drop();
  }
});
