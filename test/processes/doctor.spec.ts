import { existsSync } from 'node:fs';
import { startKigoSandbox, startKiipSandbox } from '@rewards-gateway/sandbox';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import { runCommand } from '../support/commands.js';
import { consumer, consumersConfig, CONSUMER_SECRET } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { clusterOf, newFolder, removeFolder } from '../support/embedded-world.js';
import { apiKey, baseEnvironment } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import { describeWithPgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { describeWithRedis, startRedis } from '../support/redis.js';
import { selfSigned } from '../support/self-signed.js';
import { startTlsFront } from '../support/tls-front.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await newDatabase();
  await database.open();
});
afterAll(() => database.drop());

/** Runs it. @returns its exit code, its output, and the status and the text of each check; the last one of a name counts */
async function doctor(env: Record<string, string>) {
  const { code, output } = await runCommand('doctor', env);
  const lines = output.trimEnd().split('\n');
  const findings = lines.map((line) => /^(ok|warning|failed) +([^:]+): (.+)$/.exec(line)!.slice(1));
  return {
    code,
    output,
    checks: Object.fromEntries(findings.map(([status, name, text]) => [name, `${status} ${text}`])),
  };
}

/** The lines about the database. */
const checkDatabase = async (url: string, env: Record<string, string> = {}) =>
  (
    await doctor({
      DATABASE_URL: url,
      ROLE: 'worker',
      DELIVERY_CONSUMERS: consumersConfig('http://127.0.0.1:9'),
      ...env,
    })
  ).checks;

const checkRedis = async (url: string) =>
  (await doctor({ ...database.env, REDIS_URL: url, ROLE: 'api' })).checks;

describe('npm run doctor', () => {
  it('finds nothing wrong with a gateway that has all it needs, logs in once, and sends nothing else', async () => {
    const [kigo, kiip, wallet] = [
      await startKigoSandbox(),
      await startKiipSandbox(),
      await startCallbackReceiver(),
    ];
    const { code, output, checks } = await doctor({
      ...database.env,
      KIGO_BASE_URL: kigo.url,
      KIIP_BASE_URL: kiip.url,
      DELIVERY_CONSUMERS: consumersConfig(`${wallet.url}/hooks?token=hidden`),
    });
    expect(checks).toEqual({
      versions: expect.stringMatching(/^ok rewards-gateway \d+\.\d+\.\d+, Node\.js 24\./),
      // The tests accept what a production refuses: that is said.
      configuration: expect.stringMatching(/^warning KIIP_/),
      database: expect.stringMatching(/^ok PostgreSQL \d+\.\d+ \(127\.0\.0\.1:\d+\/gateway_\w+\), UTF8$/),
      'database migrations': expect.stringMatching(/^ok \d+ applied in the schema public$/),
      'database rights': expect.stringMatching(/^ok /),
      'database pooler': 'ok none',
      'database clock': expect.stringMatching(/^ok it differs from that of this machine by \d\.\d s$/),
      'database connections': expect.stringMatching(/^ok \d+ of \d+ are in use, and a gateway has up to 19$/),
      redis: expect.stringMatching(/^ok REDIS_URL is not set/),
      kigo: `ok ${kigo.url} accepts the credentials (one login)`,
      kiip: expect.stringMatching(/^ok http:\/\/127\.0\.0\.1:\d+ responds \(\d+ to HEAD \/\)$/),
      'consumer wallet': `ok ${wallet.url} responds (200 to HEAD /), 1 secret`,
    });
    expect(code).toBe(0);
    expect(kigo.requests().map(({ url }) => url)).toEqual(['/api/v1/auth/sessions']);
    expect([...kiip.requests('session'), ...kiip.requests('moment')]).toEqual([]);
    expect(wallet.received.map(({ method, path }) => [method, path])).toEqual([['HEAD', '/']]);
    expectNoSecret(output, 'hidden', new URL(database.url).password);
    await Promise.all([kigo.close(), kiip.close(), wallet.close()]);
  });

  it('has a line for each failure, with what to do, and exits 1', async () => {
    const kigo = await startKigoSandbox();
    const wallet = await startCallbackReceiver();
    await using front = await startTlsFront(selfSigned('localhost'), wallet.url);
    const { code, output, checks } = await doctor({
      DATABASE_URL: 'postgres://gateway:canary@127.0.0.1:1/none',
      REDIS_URL: 'redis://:canary@127.0.0.1:1',
      KIGO_BASE_URL: kigo.url,
      KIGO_API_KEY: 'canary-kigo-key-0001',
      DELIVERY_CONSUMERS: JSON.stringify([
        consumer(wallet.url, { name: 'right' }),
        consumer(`https://localhost:${front.port}/hooks`, { name: 'tls' }),
        consumer('https://wallet.invalid/hooks', { name: 'dns' }),
      ]),
      KIGO_TOKEN_TTL: '1',
    });
    expect(code).toBe(1);
    expect(checks).toMatchObject({
      configuration: 'warning KIGO_TOKEN_TTL is not a variable of this service: nobody reads it.',
      database:
        'failed 127.0.0.1:1/none: no connection (ECONNREFUSED): nothing listens there: start it, or correct host and port',
      redis: 'failed 127.0.0.1:1: ECONNREFUSED: nothing listens there: start it, or correct host and port',
      kigo: `failed ${kigo.url}: login: our credentials were rejected: correct KIGO_PARTNER_ID and KIGO_API_KEY before a gateway logs in with them`,
      kiip: 'failed http://127.0.0.1:9: ECONNREFUSED: nothing listens there: start it, or correct host and port',
      'consumer right': expect.stringMatching(/^ok /),
      'consumer tls': expect.stringMatching(
        /^failed https:\/\/localhost:\d+: DEPTH_ZERO_SELF_SIGNED_CERT: .*NODE_EXTRA_CA_CERTS$/,
      ),
      'consumer dns': expect.stringMatching(
        /^failed https:\/\/wallet\.invalid: (ENOTFOUND|EAI_AGAIN): the name does not resolve/,
      ),
    });
    expect(kigo.requests()).toHaveLength(1);
    expectNoSecret(output, 'canary');
    await Promise.all([kigo.close(), wallet.close()]);
  });

  it('exits 78 with a line for each invalid variable, as --check-config does, and connects to nothing', async () => {
    const { code, output } = await runCommand('doctor', {
      PORT: 'canary',
      API_KEYS: 'canary',
      KIGO_TOKEN_TTL: '1',
      KIIP_CURENCIES: '1',
    });
    expect([code, output.trimEnd().split('\n')]).toEqual([
      78,
      [
        'failed  configuration: PORT must be a port, 0 to 65535',
        'failed  configuration: API_KEYS must be name:key pairs, separated by commas or newlines',
        'failed  configuration: KIIP_CURENCIES is not a variable of this service: KIIP_CURRENCIES is, and is not set',
        'warning configuration: KIGO_TOKEN_TTL is not a variable of this service: nobody reads it.',
      ],
    ]);
  });
});

describe('npm run doctor on a database', () => {
  it('tells pending migrations, those of a later version, and a schema that belongs to another one', async () => {
    const other = await newDatabase();
    await other.query('drop schema public cascade; create schema public');
    expect((await checkDatabase(other.url))['database migrations']).toMatch(
      /^warning 0 applied .* \d+ pending: the next start/,
    );
    expect(await other.query(`select to_regclass('gateway_migrations') as it`)).toEqual([{ it: null }]);
    await other.open();
    await other.query(`insert into gateway_migrations values ('9999-later', now()::text)`);
    expect((await checkDatabase(other.url))['database migrations']).toMatch(
      /^warning .*9999-later by a later version/,
    );
    await other.query(`delete from gateway_migrations where name like '0001%'`);
    expect((await checkDatabase(other.url))['database migrations']).toMatch(
      /^failed .* with 9999-later and without 0001-/,
    );
    await other.drop();
  });

  it('names each right that the role lacks', async () => {
    const role = `${new URL(database.url).pathname.slice(1)}_guest`;
    await database.query(
      `create role ${role} login password 'guest'; grant usage on schema public to ${role};
      grant select, insert, update, delete on all tables in schema public to ${role};
      grant usage on all sequences in schema public to ${role}; revoke update on ledger from ${role}`,
    );
    const url = Object.assign(new URL(database.url), { username: role, password: 'guest' }).href;
    expect((await checkDatabase(url))['database rights']).toBe(
      'failed the role lacks update on ledger: grant them to the role of DATABASE_URL',
    );
    await database.query(`drop owned by ${role}; drop role ${role}`);
  });

  it('refuses a wrong password, another encoding and a read-only server', async () => {
    const wrong = Object.assign(new URL(database.url), { password: 'wrong' }).href;
    expect((await checkDatabase(wrong))['database']).toMatch(
      /28P01: the password is wrong: correct DATABASE_URL/,
    );
    const name = `${new URL(database.url).pathname.slice(1)}_ascii`;
    await database.query(
      `create database ${name} template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'`,
    );
    const url = Object.assign(new URL(database.url), { pathname: name }).href;
    expect((await checkDatabase(url))['database']).toMatch(/^failed .*, SQL_ASCII: UTF8 is required/);
    await database.query(`drop database ${name}`);
    const readOnly = `${database.url}?options=-c%20default_transaction_read_only%3Don`;
    expect((await checkDatabase(readOnly))['database']).toMatch(
      /^failed .*: it is read-only: name the primary/,
    );
  });

  it('compares the clocks', async () => {
    const late = `globalThis.Date = class extends Date { constructor() { super(performance.timeOrigin + performance.now() - 90_000) } }`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(late)}` };
    expect((await checkDatabase(database.url, env))['database clock']).toMatch(
      /^failed it differs from that of this machine by (89|90|91)\.\d s: synchronize both/,
    );
  });
});

describeWithPgBouncer('npm run doctor behind a connection pooler', () => {
  it('notices it, and what the role lacks then', async () => {
    await using bouncer = await startPgBouncer(database.url, 'transaction');
    const url = bouncer.url(new URL(database.url).pathname.slice(1));
    expect((await checkDatabase(url))['database pooler']).toMatch(
      /^warning there is one: .* set statement_timeout for the role/,
    );
  });

  it('refuses one that pools statements', async () => {
    await using bouncer = await startPgBouncer(database.url, 'statement');
    const url = bouncer.url(new URL(database.url).pathname.slice(1));
    expect((await checkDatabase(url))['database pooler']).toMatch(/^failed it pools statements/);
  });
});

describeWithRedis('npm run doctor on a Redis', () => {
  it('shows its version, mode and memory, and names what the user may not do', async () => {
    const redis = await startRedis('--maxmemory', '50mb');
    await redis.command('CONFIG', 'SET', 'requirepass', 'canary-password');
    const url = redis.url.replace('//', '//:canary-password@');
    expect(await checkRedis(url)).toMatchObject({
      redis: expect.stringMatching(/^ok Redis \d\S* at 127\.0\.0\.1:\d+, standalone, with all commands$/),
      'redis memory': expect.stringMatching(
        /^warning maxmemory 52428800 bytes, maxmemory-policy noeviction: .*allkeys-lru/,
      ),
    });
    expect((await checkRedis(redis.url))['redis']).toMatch(/^failed 127\.0\.0\.1:\d+: NOAUTH: .*REDIS_URL$/);
    await redis.close();
    const limited = await startRedis();
    await limited.command('ACL', 'SETUSER', 'guest', 'on', '>guest', '~*', '+@all', '-incrby');
    expect((await checkRedis(limited.url.replace('//', '//guest:guest@')))['redis']).toMatch(
      /^failed 127\.0\.0\.1:\d+: NOPERM: .*INCRBY/,
    );
    await limited.close();
  });

  it('refuses a cluster', async () => {
    const redis = await startRedis('--cluster-enabled', 'yes');
    expect((await checkRedis(redis.url))['redis']).toMatch(
      /^failed .*it is a cluster, which is not supported/,
    );
    await redis.close();
  });
});

describe('npm run doctor on the embedded database', () => {
  it('creates none, looks at that of a running gateway, and starts none after it', async () => {
    const folder = newFolder();
    const check = async () => (await doctor({ DATABASE_URL: '', DATA_DIR: folder })).checks;
    expect((await check())['database']).toBe('ok embedded; the first start creates it in DATA_DIR');
    expect(existsSync(clusterOf(folder))).toBe(false);
    await using gateway = startProcess({ DATABASE_URL: '', DATA_DIR: folder });
    await gateway.logged('database ready');
    expect(await check()).toMatchObject({
      database: expect.stringMatching(/^ok PostgreSQL 18\.\d+ \(embedded, of a running gateway\), UTF8$/),
      'database migrations': expect.stringMatching(/^ok /),
    });
    gateway.signal('SIGTERM');
    expect((await gateway.ended).code).toBe(0);
    expect(gateway.log().map(({ msg }) => msg)).not.toContain('the embedded PostgreSQL has ended');
    expect((await check())['database']).toBe('ok embedded PostgreSQL 18, not running');
    removeFolder(folder);
  });
});

function expectNoSecret(output: string, ...more: string[]): void {
  const { KIGO_API_KEY, KIIP_APP_KEY, KIIP_APP_SECRETS } = baseEnvironment;
  for (const secret of [apiKey, KIGO_API_KEY!, KIIP_APP_KEY!, KIIP_APP_SECRETS!, CONSUMER_SECRET, ...more])
    expect(output).not.toContain(secret);
}
