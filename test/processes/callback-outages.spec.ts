import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import type { Environment } from '../../src/config/read-config.js';
import { lockSignature, redemption, startKiipGateway } from '../support/kiip.js';
import type { Fields, KiipGateway } from '../support/kiip.js';
import { findSeries, scrapeMetrics } from '../support/metrics.js';
import { newProxiedDatabase } from '../support/proxied-database.js';
import type { ProxiedDatabase } from '../support/proxied-database.js';
import { waitFor } from '../support/wait-for.js';

let database: ProxiedDatabase;
let gateway: KiipGateway;

beforeAll(async () => {
  database = await newProxiedDatabase();
});
beforeEach(() => database.empty());
afterAll(() => database.drop());

const start = async (env: Environment) => {
  gateway = await startKiipGateway({ ...database.env, ...env });
};
const many = (count: number, fields: Fields = {}) => Array.from({ length: count }, () => redemption(fields));
const sendAll = (callbacks: readonly Fields[]) =>
  Promise.all(callbacks.map((each) => gateway.callback(each)));
const metric = async (name: string) => findSeries(await scrapeMetrics(gateway), `rewards_gateway_${name}`);
const held = async () => (await metric('kiip_callbacks_held'))[''];
const spooled = async (state: string) => (await metric('kiip_callbacks_spooled'))[`{state="${state}"}`];
/** Transaction ids of the entries, each as often as it is there. */
const transactions = async () => {
  const rows = await database.query('select transaction_id from ledger');
  return rows.map((row) => String(row['transaction_id'])).toSorted();
};
const transactionsOf = (callbacks: readonly Fields[]) =>
  callbacks.map((each) => String(each['transaction_id'])).toSorted();

/** Sends them during an outage that goes on. */
async function spool(callbacks: readonly Fields[]): Promise<void> {
  await database.proxy.refuse();
  const answers = await sendAll(callbacks);
  for (const { status, body } of answers) expect([status, body]).toEqual([200, { status: 'spooled' }]);
}

describe('a callback during an outage of the database', () => {
  let operator: Client;

  beforeAll(async () => {
    operator = await database.client();
  });
  afterEach(() => gateway.close());
  afterAll(() => operator.end());

  it('is held, and recorded once when the database is available again', async () => {
    await start({ CALLBACK_HOLD_SECONDS: '20' });
    await database.proxy.refuse();
    const callbacks = many(40);
    const sent = sendAll([...callbacks, callbacks[0]!]);
    await waitFor('all are held', async () => (await held()) === 41);
    await database.proxy.accept();
    const answers = (await sent).map(({ status, body }) => [status, body['status']]);
    expect(answers.filter(([status, outcome]) => status === 200 && outcome === 'recorded')).toHaveLength(40);
    expect(answers.filter(([status, outcome]) => status === 200 && outcome === 'duplicate')).toHaveLength(1);
    expect(await transactions()).toEqual(transactionsOf(callbacks));
    expect(await held()).toBe(0);
  });

  it('is recorded once although the connection broke after its commit', async () => {
    await start({ CALLBACK_HOLD_SECONDS: '20' });
    database.proxy.resetOn('gateway_insert_ledger', 'after');
    const callback = redemption();
    const sent = gateway.callback(callback);
    await waitFor('a connection broke', () => database.proxy.resets > 0);
    database.proxy.stopResets();
    expect((await sent).status).toBe(200);
    expect(await transactions()).toEqual([callback['transaction_id']]);
  });

  it('is answered 503 when it has been held for CALLBACK_HOLD_SECONDS', async () => {
    await start({ CALLBACK_HOLD_SECONDS: '0.5' });
    await database.proxy.refuse();
    const since = performance.now();
    const { status, headers } = await gateway.callback(redemption());
    // Timers may be early by a millisecond.
    expect(performance.now() - since).toBeGreaterThan(498);
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    expect(await held()).toBe(0);
    expect((await metric('kiip_callbacks_total'))['{outcome="failed",kind=""}']).toBe(1);
    await database.proxy.accept();
    expect(await transactions()).toEqual([]);
  });

  it('does not wait for another one, whose row is locked', async () => {
    await start({ CALLBACK_HOLD_SECONDS: '20', DATABASE_TIMEOUT_MS: '1000' });
    const locked = redemption();
    await lockSignature(operator, String(locked['signature']));
    const waiting = gateway.callback(locked);
    await waitFor('it is held', async () => (await held()) === 1);
    expect((await gateway.callback(redemption())).body['status']).toBe('recorded');
    expect(await held()).toBe(1);
    await operator.query('rollback');
    expect((await waiting).body['status']).toBe('recorded');
  });
});

describe('a callback during an outage that is longer, with SPOOL_DIR', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'gateway-spool-'));
  });
  afterEach(async () => {
    await gateway.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const startSpooling = (env: Environment = {}) =>
    start({ CALLBACK_HOLD_SECONDS: '0.2', SPOOL_DIR: join(folder, 'spool.callbacks'), ...env });
  const files = () => readdirSync(join(folder, 'spool.callbacks'));
  it('is answered once it is on the disk, and recorded once when the database is available again', async () => {
    await startSpooling();
    const callbacks = many(30);
    await spool(callbacks);
    expect(await spooled('waiting')).toBe(30);
    expect((await metric('kiip_callbacks_spooled_age_seconds'))['']).toBeGreaterThan(0);
    expect((await metric('kiip_callbacks_total'))['{outcome="spooled",kind="redemption"}']).toBe(30);
    for (const name of files())
      expect(statSync(join(folder, 'spool.callbacks', name)).mode & 0o777).toBe(0o600);
    await database.proxy.accept();
    await waitFor('the spool is empty', async () => (await spooled('waiting')) === 0);
    expect(files()).toEqual([]);
    expect(await transactions()).toEqual(transactionsOf(callbacks));
    expect((await gateway.callback(callbacks[0])).body['status']).toBe('duplicate');
  });

  it('is recorded by another process, with the time at which it was received', async () => {
    await startSpooling();
    const callbacks = many(3);
    await spool(callbacks);
    const spooledAt = new Date();
    await gateway.close();
    await database.proxy.accept();
    await startSpooling();
    await waitFor('the spool is empty', () => files().length === 0);
    expect(await transactions()).toEqual(transactionsOf(callbacks));
    const [row] = await database.query('select max(received_at) as last from ledger');
    expect((row!['last'] as Date).getTime()).toBeLessThanOrEqual(spooledAt.getTime());
  });

  it('is decided by the rules that hold when it is recorded', async () => {
    await startSpooling({ KIIP_UNKNOWN_USERS: 'quarantine' });
    await gateway.know('known');
    const [known, unknown] = [redemption({ user_id: 'known' }), redemption({ user_id: 'stranger' })];
    await spool([known, unknown]);
    await database.proxy.accept();
    await waitFor('the spool is empty', () => files().length === 0);
    expect(await database.query('select user_id, status from ledger order by user_id')).toEqual([
      { user_id: 'known', status: 'recorded' },
      { user_id: 'stranger', status: 'quarantined' },
    ]);
  });

  it('is among the rejected ones if its secret is no longer in the configuration', async () => {
    await startSpooling();
    await spool(many(1));
    await gateway.close();
    await database.proxy.accept();
    await startSpooling({ KIIP_APP_SECRETS: 'another_app_secret_0002' });
    await waitFor('the spool is empty', () => files().length === 0);
    expect(await transactions()).toEqual([]);
    expect(await database.query('select is_protected from rejected_callbacks')).toEqual([
      { is_protected: true },
    ]);
  });

  it('is recorded although its neighbour on the disk is damaged, and their file is kept', async () => {
    await startSpooling();
    await spool(many(20));
    // While the first file is written, the others gather for the next one.
    const name = files().find((each) => Number(each.split('-')[1]) > 1)!;
    const path = join(folder, 'spool.callbacks', name);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    lines.push(lines.pop()!.slice(0, 50));
    writeFileSync(path, lines.join('\n'));
    await database.proxy.accept();
    await waitFor('the file is set aside', () => files().some((each) => each.endsWith('.failed')));
    await waitFor('the others are recorded', async () => (await spooled('waiting')) === 0);
    expect(await spooled('failed')).toBe(lines.length);
    expect(await transactions()).toHaveLength(19);
    expect(gateway.log).toContainEqual(
      expect.objectContaining({
        level: 'error',
        msg: 'spooled callbacks cannot be recorded: their file in SPOOL_DIR is kept',
        count: 1,
      }),
    );
  });

  it('is on the disk also when PostgreSQL rejects its row, and its file is kept', async () => {
    await startSpooling();
    await database.query(`
      create function reject_all() returns trigger language plpgsql as $$ begin raise 'no' using errcode = 'P0001'; end $$;
      create trigger reject_all before insert on ledger for each row execute function reject_all()`);
    expect((await gateway.callback(redemption())).body).toEqual({ status: 'spooled' });
    await waitFor('the file is set aside', () => files().some((each) => each.endsWith('.failed')));
    await database.query('drop trigger reject_all on ledger; drop function reject_all');
    expect(await transactions()).toEqual([]);
  });

  it('is answered 503 when the spool cannot be written, and nothing is left of it there', async () => {
    await startSpooling();
    await database.proxy.refuse();
    rmSync(join(folder, 'spool.callbacks'), { recursive: true });
    writeFileSync(join(folder, 'spool.callbacks'), '');
    expect((await gateway.callback(redemption())).status).toBe(503);
    // It is not a folder, and the other metrics are still there.
    expect(await spooled('waiting')).toBeUndefined();
    await waitFor('the log says so', () => gateway.log.some(({ msg }) => msg === 'the spool cannot be read'));
    rmSync(join(folder, 'spool.callbacks'));
    mkdirSync(join(folder, 'spool.callbacks'));
    expect((await gateway.callback(redemption())).body).toEqual({ status: 'spooled' });
    await database.proxy.accept();
  });
});
