import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reloadSecret } from '../../../src/config/read-config.js';
import { consumers, envs, configErrors, configErrorsOf, read, table, valueOf } from '../../support/config.js';
import { baseEnvironment } from '../../support/gateway.js';

describe('readConfig: defaults', () => {
  it.each(table.filter(([, { required, env }]) => !required && !(env in baseEnvironment)))(
    'uses the default of %s when the variable is unset, empty or blank',
    (name, { env, default: defaultValue, parse, defaultFrom }) => {
      const expected =
        defaultValue === undefined
          ? defaultFrom?.({ kiipBaseUrl: 'https://api.kiip.me' })
          : parse(defaultValue);
      for (const value of [undefined, '', ' \n'])
        expect(read({ KIIP_BASE_URL: undefined, [env]: value })[name]).toEqual(expected);
    },
  );

  it('derives KIIP_REWARD_HOSTS from the host of KIIP_BASE_URL', () => {
    expect(read({ KIIP_BASE_URL: undefined }).kiipRewardHosts).toEqual(['api.kiip.me']);
    expect(read({ KIIP_BASE_URL: 'http://127.0.0.1:3002/x' }).kiipRewardHosts).toEqual(['127.0.0.1:3002']);
  });
});

describe('readConfig: an invalid configuration', () => {
  const canary = 'canary-4711';
  // No variable accepts this, except those that accept any string.
  const invalid = Object.fromEntries(envs(() => true).map((env) => [env, `${canary}\n\u0000`]));

  it('is reported with the names of all invalid variables at once, and without values', () => {
    const named = configErrorsOf(invalid).map((error) => error.split(' ')[0]);
    expect(named).toEqual(envs(() => true));
    expect(configErrorsOf(invalid).join()).not.toContain(canary);
  });

  it('is reported with every required variable that is missing, empty or blank', () => {
    const required = ['KIGO_BASE_URL', 'KIGO_PARTNER_ID', 'KIGO_API_KEY', 'KIIP_APP_KEY', 'KIIP_APP_SECRETS'];
    const blank = Object.fromEntries(required.map((env) => [env, ' ']));
    for (const env of [{ CALLER_AUTH: 'none' }, { CALLER_AUTH: 'none', ...blank }])
      expect(configErrorsOf(env)).toEqual(required.map((name) => `${name} is required`));
  });

  it('is reported with one line per variable', () => {
    expect(() => read({ PORT: 'x', LOG_LEVEL: 'y' })).toThrow(
      'Invalid configuration:\n' +
        '  PORT must be a port, 0 to 65535\n' +
        '  LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent',
    );
  });

  it('is one without the credentials that CALLER_AUTH needs', () => {
    expect(configErrors({ API_KEYS: undefined })).toEqual([
      'API_KEYS is required when CALLER_AUTH is api-key (CALLER_AUTH=none lets everybody call)',
    ]);
    expect(configErrors({ API_KEYS: undefined, CALLER_AUTH: 'none' })).toEqual([]);
    const jwt = {
      JWT_ISSUER: 'https://issuer.example',
      JWT_AUDIENCE: 'rewards-gateway',
      JWT_JWKS_URL: 'https://issuer.example/keys',
      // Without it, anybody with a token of the issuer for this audience could call.
      CALLER_SCOPES: '{}',
    };
    expect(configErrors({ ...jwt, API_KEYS: undefined, CALLER_AUTH: 'jwt' })).toEqual([]);
    for (const missing of Object.keys(jwt))
      expect(configErrors({ ...jwt, [missing]: '', CALLER_AUTH: 'jwt' })).toEqual([
        `${missing} is required when CALLER_AUTH is jwt`,
      ]);
    expect(configErrors({ CALLER_AUTH: 'jwt' })).toHaveLength(4);
    expect(configErrors({ CALLER_SCOPES: '{}', CALLER_AUTH: 'none' })).toEqual([
      'CALLER_SCOPES must not be set when CALLER_AUTH is none: callers have no name',
    ]);
  });
});

describe('readConfig: a plain http upstream', () => {
  const message =
    'must use https:// (plain http:// is only for loopback, or with ALLOW_INSECURE_UPSTREAMS=true)';
  const upstreams: [env: string, at: (host: string) => string][] = [
    ['KIGO_BASE_URL', (host) => `http://${host}`],
    ['KIIP_BASE_URL', (host) => `http://${host}`],
    ['JWT_JWKS_URL', (host) => `http://${host}/keys`],
    ['DELIVERY_CONSUMERS', (host) => consumers({ url: `http://${host}/hook` })],
  ];
  const each = (hosts: string[]) =>
    upstreams.flatMap(([env, at]) => hosts.map((host) => [env, at(host)] as const));

  it.each(each(['vendor.example', '10.0.0.1', '127.0.0.1.example', 'localhost.example', '[::2]', '0.0.0.0']))(
    'is rejected: %s=%s',
    (env, value) => {
      expect(configErrors({ [env]: value })).toEqual([`${env} ${message}`]);
      expect(configErrors({ [env]: value, ALLOW_INSECURE_UPSTREAMS: 'true' })).toEqual([]);
    },
  );

  it.each(each(['localhost:3001', '127.0.0.1:3001', '127.8.9.10', '[::1]:3001']))(
    'is accepted on loopback: %s=%s',
    (env, value) => {
      expect(configErrors({ [env]: value })).toEqual([]);
    },
  );
});

const from = (path: string) => configErrors({ KIGO_API_KEY: undefined, KIGO_API_KEY_FILE: path });

describe('readConfig: a secret in a file', () => {
  let folder: string;
  let file: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'config-'));
    file = join(folder, 'secret');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const samples: Record<string, string> = {
    KIGO_PARTNER_ID: 'from-file',
    KIGO_API_KEY: 'from-file',
    KIIP_APP_KEY: 'from-file',
    KIIP_APP_SECRETS: 'one\ntwo',
    REDIS_URL: 'rediss://redis.example',
    REDIS_SENTINELS: 'rediss://redis.example',
    DATABASE_URL: 'postgres://db.example/gateway?sslmode=verify-full',
    API_KEYS: 'app:from-file',
    DELIVERY_CONSUMERS: consumers({}),
    HTTPS_PROXY: 'http://proxy.example:3128',
    HTTP_PROXY: 'http://proxy.example:3128',
  };

  it.each(envs(({ secret }) => secret))('is the content of %s_FILE without one trailing newline', (env) => {
    const value = samples[env]!;
    for (const content of [value, `${value}\n`, `${value}\r\n`]) {
      writeFileSync(file, content);
      const [name] = table.find(([, variable]) => variable.env === env)!;
      const config = read({ [env]: undefined, [`${env}_FILE`]: file });
      expect(config[name]).toEqual(valueOf(env, value));
    }
  });

  it('keeps all other white space, and is invalid with a second newline', () => {
    writeFileSync(file, ' key \n');
    expect(read({ KIGO_API_KEY: undefined, KIGO_API_KEY_FILE: file }).kigoApiKey).toBe(' key ');
    writeFileSync(file, 'key\n\n');
    expect(configErrors({ KIGO_API_KEY: undefined, KIGO_API_KEY_FILE: file })).toEqual([
      'KIGO_API_KEY must not contain line breaks or other control characters',
    ]);
  });

  it.each(envs(({ secret }) => secret))('is rejected together with %s', (env) => {
    writeFileSync(file, samples[env]!);
    expect(configErrors({ [env]: samples[env], [`${env}_FILE`]: file })[0]).toBe(
      `${env} must not be set together with ${env}_FILE`,
    );
  });

  it('is used when the variable is blank, and not used when its path is blank', () => {
    writeFileSync(file, 'from-file');
    expect(read({ KIGO_API_KEY: ' ', KIGO_API_KEY_FILE: file }).kigoApiKey).toBe('from-file');
    expect(read({ KIGO_API_KEY: 'direct', KIGO_API_KEY_FILE: ' ' }).kigoApiKey).toBe('direct');
  });

  it('is rejected without its path when the file is missing, a folder or empty', () => {
    writeFileSync(file, ' \n');
    expect(from(file)).toEqual(['KIGO_API_KEY is empty: KIGO_API_KEY_FILE names an empty file']);
    for (const path of [join(folder, 'missing'), folder])
      expect(from(path)).toEqual([
        'KIGO_API_KEY cannot be read: KIGO_API_KEY_FILE must name a readable file',
      ]);
  });

  it('is validated again when it is reloaded', () => {
    writeFileSync(file, consumers({}));
    const config = read({ DELIVERY_CONSUMERS_FILE: file });
    writeFileSync(file, consumers({ name: 'other' }));
    expect(reloadSecret(config, 'deliveryConsumers')).toMatchObject([{ name: 'other' }]);
    writeFileSync(file, consumers({ url: 'http://wallet.example' }));
    expect(() => reloadSecret(config, 'deliveryConsumers')).toThrow('must use https://');
    writeFileSync(file, '');
    expect(() => reloadSecret(config, 'deliveryConsumers')).toThrow('is empty');
  });

  it('is only for secrets', () => {
    writeFileSync(file, '8080');
    expect(read({ PORT_FILE: file }).port).toBe(3000);
  });
});

describe('Config', () => {
  it('is frozen', () => {
    const config = read() as { port: number };
    expect(() => (config.port = 1)).toThrow(TypeError);
  });

  it('describes every variable with its effective value, one per line, and masks every secret', () => {
    const lines = read({
      API_KEYS: 'shop:canary-0123456789abc,shop:canary-0123456789abd,guest:canary-0123456789abe',
      CALLER_SCOPES: '{"shop":["kigo:read","ledger:decide"]}',
      KIIP_APP_SECRETS: 'canary-0123456789abc,canary-0123456789abd',
      REDIS_URL: 'rediss://:canary@redis.example/2',
      REDIS_SENTINELS: 'rediss://:canary@redis.example',
      DATABASE_URL:
        'postgres://canary:canary@db.example:5433/rewards?sslmode=require&application_name=canary',
      DELIVERY_CONSUMERS: consumers(
        { secrets: ['whsec_canary'] },
        {
          name: 'crm',
          url: 'https://crm.example:8443/canary?canary=1',
          secrets: ['whsec_canary', 'whsec_canary1'],
        },
      ),
      HTTPS_PROXY: 'http://canary:canary@proxy.example',
      http_proxy: 'http://canary:canary@proxy.example',
      KIIP_REWARD_HOSTS: 'a.example,b.example',
      KIIP_CURRENCIES: '{"coin":{"name":"Coins","max_quantity":5}}',
    })
      .describe()
      .split('\n');
    expect(lines.map((line) => line.split(/[= ]/)[0])).toEqual(envs(() => true));
    expect(lines).toEqual(
      expect.arrayContaining([
        ...['KIGO_PARTNER_ID', 'KIGO_API_KEY', 'KIIP_APP_KEY'].map((env) => `${env}=********`),
        'KIIP_APP_SECRETS=******** (2 secrets)',
        'API_KEYS=******** (shop: 2 keys, kigo:read ledger:decide; guest: 1 key, no scope)',
        'REDIS_URL=******** (redis.example/2)',
        'DATABASE_URL=******** (db.example:5433/rewards)',
        'DELIVERY_CONSUMERS=******** (wallet: wallet.example, 1 secret; crm: crm.example:8443, 2 secrets)',
        'HTTPS_PROXY=******** (proxy.example)',
        'HTTP_PROXY=******** (proxy.example)',
        'PORT=3000',
        'KIIP_TEST_MODE=false',
        'KIIP_REWARD_HOSTS=a.example,b.example',
        'KIIP_CURRENCIES={"coin":{"name":"Coins","max_quantity":5}}',
        'JWT_ISSUER (unset)',
      ]),
    );
    expect(lines.filter((line) => line.includes('=********'))).toHaveLength(
      envs(({ secret }) => secret).length,
    );
    expect(lines.join()).not.toMatch(/canary|test_app_secret|test-api-key|demo-kigo-key/);
  });
});
