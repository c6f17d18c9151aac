import { startKigoSandbox, startKiipSandbox } from '@rewards-gateway/sandbox';
import type { KigoSandbox, KiipSandbox } from '@rewards-gateway/sandbox';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import type { CallbackReceiver } from '../support/callback-receiver.js';
import { consumersConfig } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { badge } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import type { GatewayProcess } from '../support/gateway-process.js';
import { issuance, redemption } from '../support/kiip.js';
import { kiipAppKey, momentCall, sessionCall } from '../support/kiip-world.js';
import { startRedis } from '../support/redis.js';
import type { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

const consumerKey = 'canary-consumer-key-0001';
const secrets = {
  kigoKey: 'canary-kigo-key',
  kiipSecret: 'canary-kiip-secret',
  apiKey: 'canary-api-key',
  consumer: Buffer.from(consumerKey).toString('base64').replaceAll('=', ''),
  databasePassword: 'canary-database-password',
};
/** Data about a user that only Kiip receives. */
const personal = {
  email: 'canary-person@example.com',
  device: 'canary-device-id',
  ip: '203.0.113.77',
  latitude: '48.1371234',
};
/** The ids of users are in the ledger and in what is sent about it, and nowhere else. */
const userId = 'canary-user-id';
const external = 'canary-external-id';

describe('secrets and personal data', () => {
  let database: TestDatabase;
  let redis: RedisServer;
  let kigo: KigoSandbox;
  let kiip: KiipSandbox;
  let wallet: CallbackReceiver;
  let gateway: GatewayProcess;
  let url: string;
  const responses: string[] = [];

  const ask = async (path: string, init: RequestInit = {}, key = secrets.apiKey) => {
    const headers = { authorization: `Bearer ${key}`, ...(init.headers as Record<string, string>) };
    const response = await fetch(url + path, { ...init, headers });
    responses.push(JSON.stringify([...response.headers]) + (await response.text()));
    return response.status;
  };
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  beforeAll(async () => {
    database = await newDatabase();
    redis = await startRedis();
    kigo = await startKigoSandbox();
    kigo.configure({ apiKeys: [secrets.kigoKey], unknownUser: 'create' });
    kiip = await startKiipSandbox();
    kiip.configure({ virtualValue: true });
    wallet = await startCallbackReceiver();
    const databaseUrl = new URL(database.url);
    // The server of the tests trusts every password. Another may need its own.
    databaseUrl.password ||= secrets.databasePassword;
    gateway = startProcess({
      DATABASE_URL: databaseUrl.href,
      REDIS_URL: redis.url,
      KIGO_BASE_URL: kigo.url,
      KIGO_API_KEY: secrets.kigoKey,
      KIIP_BASE_URL: kiip.url,
      KIIP_APP_KEY: kiipAppKey,
      KIIP_APP_SECRETS: secrets.kiipSecret,
      API_KEYS: `tester:${secrets.apiKey}`,
      DELIVERY_CONSUMERS: consumersConfig(wallet.url, { secrets: [`whsec_${secrets.consumer}`] }),
      SHUTDOWN_GRACE_SECONDS: '4',
      LOG_LEVEL: 'trace',
    });
    url = await gateway.url();
    await gateway.logged('database ready');
    await gateway.logged('Redis available');
    await useEverything();
  }, 120_000);
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await Promise.all([wallet.close(), kiip.close(), kigo.close(), redis.close(), database.drop()]);
  });

  /** Uses every path, also the failing ones. */
  async function useEverything(): Promise<void> {
    const call = {
      device: { ...momentCall.device, id: personal.device },
      connection: { ip: personal.ip },
      location: { lat: Number(personal.latitude), lng: 11.5 },
      email_address: personal.email,
      user: { userid: userId },
    };
    const moment = { ...momentCall, ...call };
    const calls = [
      await ask(badge(external)),
      await ask(badge(external), {}, `${secrets.apiKey}-wrong`),
      await post('/api/v1/kiip/sessions', { ...sessionCall, ...call }),
      await post('/api/v1/kiip/moments', moment, { 'idempotency-key': 'canary-of-a-key' }),
      await post('/api/v1/kiip/moments', { ...moment, unknown_member: personal.email }),
      await post('/api/v1/kiip/moments', `{"email_address":"${personal.email}",`),
    ];
    expect(calls).toEqual([200, 401, 200, 200, 400, 400]);
    kiip.addFault({ kind: 'status', status: 500, body: { error: personal.email }, times: 1 });
    expect(await post('/api/v1/kiip/moments', moment)).toBe(502);
    kigo.addFault({ kind: 'status', status: 401, times: 10 });
    expect(await ask(badge('canary-other-id'))).toBe(502);
    kigo.clearFaults();

    wallet.answer({ status: 500, body: `${consumerKey} ${personal.email}` });
    const sent = [
      redemption({ user_id: userId }, secrets.kiipSecret),
      issuance({ user_id: userId, quantity: '020' }, secrets.kiipSecret),
      redemption({ user_id: userId }, 'canary-not-the-secret'),
      { ...redemption({ user_id: userId }, secrets.kiipSecret), nonce: userId },
    ];
    const statuses = [];
    for (const fields of sent) statuses.push(await post('/callbacks/kiip', fields));
    expect(statuses).toEqual([200, 200, 401, 400]);
    await waitFor(
      'the event is rejected',
      async () => (await database.query('select 1 from delivery_attempts')).length > 0,
    );
    for (const path of [
      '/api/v1/deliveries',
      '/health/dependencies',
      '/metrics',
      '/openapi.json',
      '/health/ready',
    ])
      await ask(path);
    let more = 0;
    await waitFor('a token, an account and a summary are in Redis', async () => {
      const keys = (await redis.dump()).map(([key]) => key);
      if (['token', 'account', 'hub-summary'].every((kind) => keys.some((key) => key.includes(`:${kind}:`))))
        return true;
      // An entry that Redis was too late to store is never stored: try others, with a new token.
      kigo.revokeAllTokens();
      more += 1;
      await ask(badge(`${external}-${more}`));
      return false;
    });
  }

  const everySecret = [...Object.values(secrets), consumerKey];
  const everyPerson = Object.values(personal);

  it('are in no response', () => {
    const all = responses.join('\n');
    expect([...everySecret, ...everyPerson, external].filter((text) => all.includes(text))).toEqual([]);
    expect(responses.filter((response) => response.includes(userId))).toEqual([]);
  });

  it('are in no metric', async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text).toContain('rewards_gateway_');
    expect(text).not.toMatch(/canary/i);
  });

  it('are in no entry of the shared cache, where the token is encrypted', async () => {
    const entries = JSON.stringify(await redis.dump());
    for (const text of [...everySecret, ...everyPerson]) expect(entries).not.toContain(text);
    const tokens = kigo.requests().map(({ headers }) => headers.authorization?.replace('Bearer ', ''));
    for (const token of tokens.filter((one) => one !== undefined)) expect(entries).not.toContain(token);
  });

  it('are in no table, but for user ids in those of the ledger', async () => {
    const tables = await database.query(`select tablename from pg_tables where schemaname = 'public'`);
    const dump = await Promise.all(
      tables.map(async ({ tablename }) => {
        const rows = await database.query(`select t::text as row from "${String(tablename)}" t`);
        return [String(tablename), JSON.stringify(rows)] as const;
      }),
    );
    for (const [name, rows] of dump)
      for (const text of [...everySecret, ...everyPerson, external])
        expect([name, rows.includes(text)]).toEqual([name, false]);
    const ofUsers = dump.filter(([, rows]) => rows.includes(userId)).map(([name]) => name);
    expect(ofUsers.toSorted()).toEqual([
      'kiip_promised_rewards',
      'kiip_rewarded_moments',
      'kiip_user_references',
      'ledger',
    ]);
  });

  it('are in no log line, up to the last', async () => {
    gateway.signal('SIGTERM');
    await gateway.ended;
    const output = gateway.lines.join('\n') + gateway.errors();
    expect(output).toContain('delivery attempt failed');
    expect(output).not.toMatch(/canary/i);
    for (const text of everyPerson) expect(output).not.toContain(text);
  });
});
