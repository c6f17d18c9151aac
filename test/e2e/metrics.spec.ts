import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import { VERSION } from '../../src/config/version.js';
import { Database } from '../../src/database/database.js';
import { DeliveryWorker } from '../../src/delivery/delivery-worker.js';
import { LateDeliveriesService } from '../../src/delivery/late-deliveries.service.js';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import type { CallbackReceiver } from '../support/callback-receiver.js';
import { consumersConfig } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { startGateway } from '../support/gateway.js';
import { scrapeMetrics, findSeries } from '../support/metrics.js';
import { waitFor } from '../support/wait-for.js';

describe('metrics of the ledger and deliveries', () => {
  let consumer: CallbackReceiver;
  let gateway: KiipGateway;

  beforeEach(async () => {
    consumer = await startCallbackReceiver();
    gateway = await startKiipGateway({ DELIVERY_CONSUMERS: consumersConfig(consumer.url) });
  });
  afterEach(async () => {
    await gateway.close();
    await consumer.close();
  });

  const metrics = async () => {
    const response = await fetch(`${gateway.url}/metrics`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    return scrapeMetrics(gateway);
  };
  const change = (work: Parameters<Database['run']>[0]) =>
    gateway.app.get(Database, { strict: false }).run(work);

  const latencies = async () =>
    (await metrics())['rewards_gateway_delivery_latency_seconds_count{consumer="wallet"}'];
  const attempts = async () =>
    (await metrics())['rewards_gateway_deliveries_total{consumer="wallet",outcome="delivered"}'];
  const age = (seconds: number) =>
    change((db) =>
      db
        .updateTable('deliveries')
        .set({ accepted_at: sql<Date>`now() - ${seconds} * interval '1 second'` })
        .execute(),
    );

  it('counts every ledger entry once, and reports a missing one', async () => {
    consumer.answer(500, 200, 410);
    for (let row = 0; row < 3; row += 1) {
      await gateway.callback(redemption());
      await waitFor('it has been sent', async () => consumer.received.length > row);
    }
    await gateway.callback(redemption({ quantity: 'many' }));
    await waitFor('both attempts are recorded', async () => {
      const history = await (await gateway.get('/api/v1/deliveries?status=pending')).json();
      return (
        (history as { items: { attempts: number }[] }).items.filter(({ attempts }) => attempts === 1)
          .length === 2
      );
    });
    // Deletes a delivery: no code of the gateway does so.
    await change((db) => db.deleteFrom('delivery_attempts').execute());
    await change((db) => db.deleteFrom('deliveries').where('status', '=', 'delivered').execute());
    const seen = await metrics();
    expect(seen).toMatchObject({
      'rewards_gateway_ledger_entries_24h{state="accepted"}': 4,
      'rewards_gateway_ledger_entries_24h{state="pending"}': 2,
      'rewards_gateway_ledger_entries_24h{state="quarantined"}': 1,
      'rewards_gateway_ledger_entries_24h{state="delivered"}': 0,
      rewards_gateway_ledger_missing_24h: 1,
      rewards_gateway_ledger_quarantined_entries: 1,
      rewards_gateway_delivery_outbox_oldest_age_seconds: 0,
      rewards_gateway_delivery_outbox_entries: 0,
      'rewards_gateway_delivery_queue_entries{consumer="wallet",status="pending"}': 2,
      'rewards_gateway_delivery_consumer_paused{consumer="wallet"}': 1,
    });
    expect(seen['rewards_gateway_delivery_oldest_pending_age_seconds']).toBeGreaterThan(0);
    expect(seen['rewards_gateway_ledger_stats_age_seconds']).toBeLessThan(60);
  });

  it('has series at 0 for each configured consumer, and its own version', async () => {
    const seen = await metrics();
    expect(seen).toMatchObject({
      'rewards_gateway_deliveries_total{consumer="wallet",outcome="dead"}': 0,
      'rewards_gateway_deliveries_late_total{consumer="wallet"}': 0,
      'rewards_gateway_delivery_latency_seconds_bucket{le="30",consumer="wallet"}': 0,
      'rewards_gateway_delivery_consumer_paused{consumer="wallet"}': 0,
      [`rewards_gateway_build_info{version="${VERSION}",role="all",node_version="${process.versions.node}"}`]: 1,
    });
  });

  it('measures the latency of a delivery, but not of one that an operator sends again', async () => {
    await gateway.callback(redemption());
    await waitFor('the first one', async () => (await attempts()) === 1);
    expect(await latencies()).toBe(1);
    await gateway.post('/api/v1/deliveries/dlv_1/retry', {});
    await waitFor('the retry', async () => (await attempts()) === 2);
    // As for a consumer that is new: a replay creates the delivery.
    await change((db) => db.deleteFrom('delivery_attempts').execute());
    await change((db) => db.deleteFrom('deliveries').execute());
    const window = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };
    await gateway.post('/api/v1/deliveries/replays', { consumer: 'wallet', ...window, rate_per_second: 10 });
    await waitFor('the replay', async () => (await attempts()) === 3);
    expect(await latencies()).toBe(1);
    await gateway.callback(redemption());
    await waitFor('the next one', async () => (await latencies()) === 2);
  });

  it('counts a delivery as late once, when it is pending 30 s after its acceptance', async () => {
    const late = gateway.app.get(LateDeliveriesService, { strict: false });
    consumer.answer(500);
    await gateway.callback(redemption());
    await waitFor('it has been sent', async () => consumer.received.length === 1);
    await late.check();
    await age(29);
    await late.check();
    expect(late.counts.get('wallet')).toBe(0);
    await age(30);
    await late.check();
    await late.check();
    expect(late.counts.get('wallet')).toBe(1);
  });

  it('counts outbox entries that no worker processes', async () => {
    await gateway.app.get(DeliveryWorker, { strict: false }).stop();
    await gateway.callback(redemption());
    const seen = await metrics();
    expect(seen).toMatchObject({ rewards_gateway_delivery_outbox_entries: 1 });
    expect(seen['rewards_gateway_delivery_outbox_oldest_age_seconds']).toBeGreaterThan(0);
  });

  it('leaves out deliveries to a consumer that is no longer configured', async () => {
    await gateway.callback(redemption());
    await waitFor('it has been sent', async () => consumer.received.length === 1);
    await change((db) =>
      db
        .updateTable('deliveries')
        .set({ consumer: 'former', status: 'pending', next_attempt_at: new Date(), ended_at: null })
        .execute(),
    );
    const seen = await metrics();
    expect(findSeries(seen, 'rewards_gateway_delivery_queue_entries')).toEqual({
      '{consumer="wallet",status="pending"}': 0,
      '{consumer="wallet",status="dead"}': 0,
    });
    expect(findSeries(seen, 'rewards_gateway_delivery_consumer_paused')).toEqual({
      '{consumer="wallet"}': 0,
    });
    expect(seen).toMatchObject({ rewards_gateway_delivery_oldest_pending_age_seconds: 0 });
  });

  it('reports the database as up when only the stats query fails', async () => {
    await change((db) => db.schema.alterTable('delivery_pauses').renameTo('renamed').execute());
    const seen = await metrics();
    expect(seen).toMatchObject({ rewards_gateway_database_up: 1 });
    expect(findSeries(seen, 'rewards_gateway_ledger_stats_age_seconds')).toEqual({});
  });
});

describe('metrics of the ledger without consumers', () => {
  it('does not count accepted entries as waiting for delivery', async () => {
    const gateway = await startKiipGateway();
    try {
      await gateway.callback(redemption());
      expect(await scrapeMetrics(gateway)).toMatchObject({
        'rewards_gateway_ledger_entries_24h{state="pending"}': 1,
        rewards_gateway_delivery_outbox_entries: 0,
        rewards_gateway_delivery_outbox_oldest_age_seconds: 0,
        rewards_gateway_delivery_oldest_pending_age_seconds: 0,
      });
    } finally {
      await gateway.close();
    }
  });
});

/** The tables of a new database, and their sizes as a gateway exports them. */
const sizesOf = async (role: string) => {
  const database = await newDatabase();
  const gateway = await startKiipGateway({ ...database.env, ROLE: role });
  try {
    const tables = await database.query(
      `select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'gateway_migrations'`,
    );
    const seen = await scrapeMetrics(gateway);
    const sizes = findSeries(seen, 'rewards_gateway_database_table_bytes');
    return { tables: tables.map(({ name }) => `{table="${String(name)}"}`).toSorted(), sizes, seen };
  } finally {
    await gateway.close();
    await database.drop();
  }
};

describe('the size of tables', () => {
  it('is exported for every table', async () => {
    const { tables, sizes } = await sizesOf('all');
    expect(Object.keys(sizes).toSorted()).toEqual(tables);
    expect(Math.min(...Object.values(sizes))).toBeGreaterThan(0);
  });

  it('is not asked for by API pods, and neither are the numbers of the ledger', async () => {
    const { sizes, seen } = await sizesOf('api');
    expect(sizes).toEqual({});
    expect(findSeries(seen, 'rewards_gateway_ledger_entries_24h')).toEqual({});
    expect(seen).toMatchObject({ rewards_gateway_database_up: 1 });
  });
});

/** The metrics of the connections for reads. */
const poolUsage = (inUse: number, idle: number, waiting: number) => ({
  'rewards_gateway_database_pool_connections{pool="reads",state="in_use"}': inUse,
  'rewards_gateway_database_pool_connections{pool="reads",state="idle"}': idle,
  'rewards_gateway_database_pool_max_connections{pool="reads"}': 2,
  'rewards_gateway_database_pool_waiting{pool="reads"}': waiting,
});

describe('the connections to the database', () => {
  it('are counted for each pool: in use, idle, and those that statements wait for', async () => {
    const database = await newDatabase();
    const holder = await database.client();
    await holder.query('select pg_advisory_lock(17)');
    const gateway = await startKiipGateway({ ...database.env, DATABASE_POOL_SIZE: '9' });
    const usage = async () =>
      Object.fromEntries(
        Object.entries(await scrapeMetrics(gateway)).filter(([series]) =>
          /_database_pool_.*reads/.test(series),
        ),
      );
    const until = (inUse: number, idle: number, waiting: number) =>
      waitFor(`${inUse} in use, ${idle} idle, ${waiting} wait`, async () =>
        isDeepStrictEqual(await usage(), poolUsage(inUse, idle, waiting)),
      );
    try {
      expect(await usage()).toEqual(poolUsage(0, 0, 0));
      const pending = Promise.all(
        [1, 2, 3].map(() =>
          gateway.app
            .get(Database, { strict: false })
            .run((db) => sql`select pg_advisory_xact_lock(17)`.execute(db), 'reads'),
        ),
      );
      await until(2, 0, 1);
      await holder.query('select pg_advisory_unlock(17)');
      await pending;
      await until(0, 2, 0);
    } finally {
      await holder.end();
      await gateway.close();
      await database.drop();
    }
  });
});

describe('metrics without a database', () => {
  it('leaves out the metrics that come from the database', async () => {
    const gateway = await startGateway({});
    try {
      const seen = await scrapeMetrics(gateway);
      expect(seen).toMatchObject({ rewards_gateway_database_up: 0 });
      const ofDatabase = /^rewards_gateway_(ledger|deliver(y|ies))_?/;
      expect(Object.keys(seen).filter((series) => ofDatabase.test(series))).toEqual([]);
    } finally {
      await gateway.close();
    }
  });

  it('counts failed callbacks, including rejected ones that could not be stored', async () => {
    const gateway = await startGateway({});
    const send = async (fields: object) => {
      const response = await fetch(`${gateway.url}/callbacks/kiip`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(fields),
      });
      return [response.status, response.headers.get('retry-after'), await response.json()];
    };
    const notStored = async () =>
      (await scrapeMetrics(gateway))['rewards_gateway_kiip_callbacks_total{outcome="failed",kind=""}'];
    try {
      expect(await notStored()).toBe(0);
      const unavailable = expect.objectContaining({
        type: 'urn:rewards-gateway:problem:storage-unavailable',
      }) as object;
      expect(await send(redemption())).toEqual([503, '1', unavailable]);
      expect(await send(redemption({}, 'wrong'))).toEqual([503, '1', unavailable]);
      expect(await send({ canary: true })).toMatchObject([400, null, {}]);
      expect(await notStored()).toBe(2);
    } finally {
      await gateway.close();
    }
  });
});
