import { Client } from 'pg';
import { Database } from '../../src/database/database.js';
import { runCommand } from '../support/commands.js';
import { startProcess } from '../support/gateway-process.js';
import { momentOf } from '../support/kiip-world.js';
import { redemption } from '../support/kiip.js';
import { scrapeMetrics } from '../support/metrics.js';
import { fieldsOf, startPromiseWorld } from '../support/promise-world.js';
import type { PromiseWorld } from '../support/promise-world.js';

describe('a statement that fails although the database is available', () => {
  let world: PromiseWorld;

  beforeAll(async () => {
    world = await startPromiseWorld();
    await world.database.query(`
      create function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'not today' using errcode = '22P05'; end $$`);
  });
  afterAll(() => world.close());

  /** Makes every insert into a table fail while the work runs. */
  async function whileRefused<T>(table: string, work: () => Promise<T>): Promise<T> {
    await world.database.query(`create trigger refused before insert on ${table} execute function refuse()`);
    try {
      return await work();
    } finally {
      await world.database.query(`drop trigger refused on ${table}`);
    }
  }

  it('makes a callback 503, which is lost otherwise, and is counted, logged, and no outage', async () => {
    const genuine = redemption(fieldsOf(await world.reward('unlucky')));
    const { status, body, headers } = await whileRefused('ledger', () => world.gateway.callback(genuine));
    expect([status, body['type'], headers.get('retry-after')]).toEqual([
      503,
      'urn:rewards-gateway:problem:storage-unavailable',
      '60',
    ]);
    const metrics = await scrapeMetrics(world.gateway);
    expect(metrics).toMatchObject({
      'rewards_gateway_kiip_callbacks_total{outcome="failed",kind=""}': 1,
      rewards_gateway_database_unexpected_errors_total: 1,
      rewards_gateway_database_up: 1,
    });
    expect(world.gateway.log).toContainEqual(
      expect.objectContaining({ level: 'error', msg: 'unexpected storage error', reason: '22P05' }),
    );
    expect((await world.send(genuine)).status).toBe('recorded');
  });

  it('makes a moment 503 before it reaches Kiip', async () => {
    world.kiip.clearRequests();
    const response = await whileRefused('kiip_user_references', () =>
      world.gateway.post('/api/v1/kiip/moments', momentOf('somebody-new')),
    );
    expect([response.status, world.kiip.requests()]).toEqual([503, []]);
  });

  it('does not keep a reward of Kiip from the caller, and its callback waits', async () => {
    await world.reward('lucky');
    const outcome = await whileRefused('kiip_promised_rewards', async () => {
      const { status, id } = await world.send(redemption(fieldsOf(await world.reward('lucky'))));
      return [status, await world.reasonOf(id)];
    });
    expect(outcome).toEqual(['quarantined', 'unknown-reward']);
  });
});

describe('a database that is not UTF8', () => {
  const name = `gateway_latin1_${process.pid}`;
  const url = Object.assign(new URL(process.env['TEST_DATABASE_URL']!), { pathname: name }).href;
  const reason = 'the database has the encoding LATIN1, and UTF8 is required';

  beforeAll(() => administer(`create database ${name} encoding 'LATIN1' locale 'C' template template0`));
  afterAll(() => administer(`drop database ${name} with (force)`));

  it('is refused by name at the first contact, and stays empty', async () => {
    const database = new Database({ server: url, timeoutMs: 30_000 });
    await expect(database.migrate()).rejects.toThrow(reason);
    await database.close();
    const client = new Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query(`select from pg_tables where schemaname = 'public'`);
    await client.end();
    expect(rows).toEqual([]);
  });

  it('ends a command with one line and the code of an invalid configuration', async () => {
    expect(await runCommand('migrate', { DATABASE_URL: url })).toEqual({ code: 78, output: `${reason}\n` });
  });

  it('keeps the service from getting ready, with the reason in its log', async () => {
    await using gateway = startProcess({ DATABASE_URL: url });
    expect(await gateway.logged('database unavailable')).toMatchObject({ reason });
    expect((await fetch(`${await gateway.url()}/health/ready`)).status).toBe(503);
  });
});

async function administer(statement: string): Promise<void> {
  const client = new Client({ connectionString: process.env['TEST_DATABASE_URL'] });
  await client.connect();
  await client.query(statement);
  await client.end();
}
