import { during, startFlood } from '../support/flood.js';
import { credentials } from '../support/gateway.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { newProxiedDatabase } from '../support/proxied-database.js';
import type { ProxiedDatabase } from '../support/proxied-database.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

const SECONDS = scale(1.5, 5);
/** Far above what a callback takes here, and far below what a whole pool of slow statements takes. */
const TIMEOUT_MS = 2_500;

const reconciliation = '/api/v1/kiip/reconciliation?from=2026-01-01T00:00:00Z&to=2030-01-01T00:00:00Z';

let database: ProxiedDatabase;
let proxy: ProxiedDatabase['proxy'];
let gateway: KiipGateway;

beforeAll(async () => {
  database = await newProxiedDatabase();
  ({ proxy } = database);
  gateway = await startKiipGateway({
    ...database.env,
    DATABASE_TIMEOUT_MS: String(TIMEOUT_MS),
    KIIP_UNKNOWN_USERS: 'accept',
    ROLE: 'api',
  });
});
afterEach(() => (proxy.delayMs = 0));
afterAll(async () => {
  await gateway.close();
  await database.drop();
});

const genuine = async () => (await gateway.callback(redemption())).status;
const only200 = (statuses: readonly number[]) => {
  expect(statuses.length).toBeGreaterThan(5);
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
};

describe('requests that anybody may send, and that ask the database', () => {
  const paths = ['/health/ready', '/health/startup', '/health/dependencies', '/metrics'];

  it('do not keep callbacks from their connections', async () => {
    await genuine();
    proxy.delayMs = 20;
    const flood = startFlood(gateway.url, 64, (index) => ({ path: paths[index % paths.length]! }));
    only200(await during(SECONDS, genuine, 8));
    expect(flood.ended).toBeGreaterThan(100);
    await flood.stop();
  });

  it.each(paths.slice(0, 3))('share one check of the database at a time: %s', async (path) => {
    // Replies that never come: whatever asks the database needs a connection of its own.
    await waitFor('no connection is open', async () => {
      await database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()`,
      );
      return proxy.connections === 0;
    });
    proxy.delayMs = TIMEOUT_MS / 2;
    const opened = proxy.opened;
    const flood = startFlood(gateway.url, 32, () => ({ path }));
    try {
      await waitFor('the gateway has connected', () => proxy.opened > opened);
      await during(TIMEOUT_MS / 3_000, () => fetch(`${gateway.url}/health/live`));
      // One for the check, and one for the sweeps in the background if one happens to begin.
      expect(proxy.opened - opened).toBeLessThanOrEqual(2);
    } finally {
      await flood.stop();
    }
  });
});

describe('reads that hang', () => {
  it.each([
    ['deliveries', '/api/v1/deliveries?consumer=nobody'],
    ['deliveries', reconciliation],
  ])('do not keep callbacks and probes waiting: %s, %s', async (table, path) => {
    const client = await database.client();
    try {
      await client.query(`begin; lock table ${table} in access exclusive mode`);
      const flood = startFlood(gateway.url, 60, () => ({ path, headers: credentials }));
      await during(0.2, () => fetch(`${gateway.url}/health/live`));
      const probes: number[] = [];
      const statuses = await during(SECONDS, async () => {
        probes.push((await fetch(`${gateway.url}/health/ready`)).status);
        return genuine();
      });
      await flood.stop();
      only200(statuses);
      only200(probes);
      const health = (await (await fetch(`${gateway.url}/health/ready`)).json()) as object;
      expect(health).toMatchObject({ details: { database: { state: 'up' } } });
    } finally {
      await client.end();
    }
  });
});

/** One that runs, and as many as may wait. */
const fill = () => Promise.all(Array.from({ length: 11 }, () => gateway.get(reconciliation)));

it('one reconciliation runs at a time, a few wait, and more get 429', async () => {
  // Those of the test before may still wait.
  await waitFor('none waits', async () => (await fill()).every(({ status }) => status === 200));
  const client = await database.client();
  try {
    await client.query('begin; lock table deliveries in access exclusive mode');
    const calls = Array.from({ length: 30 }, () => gateway.get(reconciliation));
    const rejected = await Promise.race(calls);
    expect([rejected.status, rejected.headers.get('retry-after')]).toEqual([429, '5']);
    const running = () =>
      database.query(
        `select 1 from pg_stat_activity where query like '%bool_or%' and state = 'active' and pid <> pg_backend_pid()`,
      );
    await waitFor('one runs', async () => (await running()).length > 0);
    expect(await running()).toHaveLength(1);
    await client.query('rollback');
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(11);
  } finally {
    await client.end();
  }
});

const reconcile = async (from: string) => {
  const response = await gateway.get(`/api/v1/kiip/reconciliation?from=${from}&to=2026-01-01T00:00:00Z`);
  return [response.status, await response.json()];
};

it('a reconciliation reads at most ten years', async () => {
  expect(await reconcile('2016-01-01T00:00:00Z')).toEqual([200, expect.anything()]);
  for (const from of ['2015-12-31T23:59:59Z', '1926-01-01T00:00:00Z'])
    expect(await reconcile(from)).toEqual([
      400,
      expect.objectContaining({ errors: [expect.objectContaining({ pointer: '/from' })] }),
    ]);
});
