import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reloadSecret } from '../../../src/config/read-config.js';
import { consumers, envs, faults, faultsOf, read, table, valueOf } from '../../support/config.js';
import { baseEnvironment } from '../../support/gateway.js';

describe('a default', () => {
  it.each(table.filter(([, { required, env }]) => !required && !(env in baseEnvironment)))(
    'of %s takes effect where the variable is unset, empty or blank',
    (name, { env, default: fallback, parse, defaultFrom: derive }) => {
      const expected =
        fallback === undefined ? derive?.({ kiipBaseUrl: 'https://api.kiip.me' }) : parse(fallback);
      for (const text of [undefined, '', ' \n']) expect(read({ [env]: text })[name]).toEqual(expected);
    },
  );

  it('of KIIP_REWARD_HOSTS is the host of KIIP_BASE_URL', () => {
    expect(read().kiipRewardHosts).toEqual(['api.kiip.me']);
    expect(read({ KIIP_BASE_URL: 'http://127.0.0.1:3002/x' }).kiipRewardHosts).toEqual(['127.0.0.1:3002']);
  });
});

describe('a bad configuration', () => {
  const canary = 'canary-4711';
  // Text that no variable accepts, except those that accept any.
  const bad = Object.fromEntries(envs(() => true).map((env) => [env, `${canary}\n\u0000`]));

  it('names every bad variable at once, and no value', () => {
    const anyText = ['KIIP_APP_SECRETS'];
    const named = faultsOf(bad).map((fault) => fault.split(' ')[0]);
    expect(named).toEqual(envs(({ env }) => !anyText.includes(env)));
    expect(faultsOf(bad).join()).not.toContain(canary);
  });

  it('names every required variable that is missing, empty or blank', () => {
    const required = ['KIGO_BASE_URL', 'KIGO_PARTNER_ID', 'KIGO_API_KEY', 'KIIP_APP_KEY', 'KIIP_APP_SECRETS'];
    const blank = Object.fromEntries(required.map((env) => [env, ' ']));
    for (const env of [{ CALLER_AUTH: 'none' }, { CALLER_AUTH: 'none', ...blank }])
      expect(faultsOf(env)).toEqual(required.map((name) => `${name} is required`));
  });

  it('has one line for each fault in its message', () => {
    expect(() => read({ PORT: 'x', LOG_LEVEL: 'y' })).toThrow(
      'The configuration cannot be used:\n' +
        '  PORT must be a port, 0 to 65535\n' +
        '  LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent',
    );
  });

  it('is one that has nothing to check callers against', () => {
    expect(faults({ API_KEYS: undefined })).toEqual([
      'API_KEYS is required while CALLER_AUTH is api-key (CALLER_AUTH=none lets everybody in)',
    ]);
    expect(faults({ API_KEYS: undefined, CALLER_AUTH: 'none' })).toEqual([]);
    const jwt = {
      JWT_ISSUER: 'https://issuer.example',
      JWT_AUDIENCE: 'rewards-gateway',
      JWT_JWKS_URL: 'https://issuer.example/keys',
    };
    expect(faults({ ...jwt, API_KEYS: undefined, CALLER_AUTH: 'jwt' })).toEqual([]);
    for (const missing of Object.keys(jwt))
      expect(faults({ ...jwt, [missing]: '', CALLER_AUTH: 'jwt' })).toEqual([
        `${missing} is required while CALLER_AUTH is jwt`,
      ]);
    expect(faults({ CALLER_AUTH: 'jwt' })).toHaveLength(3);
    expect(faults({ CALLER_SCOPES: '{}', CALLER_AUTH: 'none' })).toEqual([
      'CALLER_SCOPES must not be given while CALLER_AUTH is none: callers have no name',
    ]);
  });
});

describe('a plain http upstream', () => {
  const refusal =
    'must use https:// (plain http:// only for loopback, or with ALLOW_INSECURE_UPSTREAMS=true)';
  const upstreams: [env: string, at: (host: string) => string][] = [
    ['KIGO_BASE_URL', (host) => `http://${host}`],
    ['KIIP_BASE_URL', (host) => `http://${host}`],
    ['JWT_JWKS_URL', (host) => `http://${host}/keys`],
    ['DELIVERY_CONSUMERS', (host) => consumers({ url: `http://${host}/hook` })],
  ];
  const each = (hosts: string[]) =>
    upstreams.flatMap(([env, at]) => hosts.map((host) => [env, at(host)] as const));

  it.each(each(['vendor.example', '10.0.0.1', '127.0.0.1.example', 'localhost.example', '[::2]', '0.0.0.0']))(
    'is refused: %s=%s',
    (env, text) => {
      expect(faults({ [env]: text })).toEqual([`${env} ${refusal}`]);
      expect(faults({ [env]: text, ALLOW_INSECURE_UPSTREAMS: 'true' })).toEqual([]);
    },
  );

  it.each(each(['localhost:3001', '127.0.0.1:3001', '127.8.9.10', '[::1]:3001']))(
    'is accepted on loopback: %s=%s',
    (env, text) => {
      expect(faults({ [env]: text })).toEqual([]);
    },
  );
});

const from = (path: string) => faults({ KIGO_API_KEY: undefined, KIGO_API_KEY_FILE: path });

describe('a secret in a file', () => {
  let folder: string;
  let file: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'config-'));
    file = join(folder, 'secret');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const samples: Record<string, string> = {
    KIGO_API_KEY: 'from-file',
    KIIP_APP_SECRETS: 'one\ntwo',
    REDIS_URL: 'redis://redis.example',
    DATABASE_URL: 'postgres://db.example/gateway',
    API_KEYS: 'app:from-file',
    DELIVERY_CONSUMERS: consumers({}),
  };

  it.each(envs(({ secret }) => secret))('is the value of %s_FILE, less one trailing newline', (env) => {
    const text = samples[env]!;
    for (const content of [text, `${text}\n`, `${text}\r\n`]) {
      writeFileSync(file, content);
      const [name] = table.find(([, variable]) => variable.env === env)!;
      const config = read({ [env]: undefined, [`${env}_FILE`]: file });
      expect(config[name]).toEqual(valueOf(env, text));
    }
  });

  it('keeps every other blank, and a second newline makes it a bad one', () => {
    writeFileSync(file, ' key \n');
    expect(read({ KIGO_API_KEY: undefined, KIGO_API_KEY_FILE: file }).kigoApiKey).toBe(' key ');
    writeFileSync(file, 'key\n\n');
    expect(faults({ KIGO_API_KEY: undefined, KIGO_API_KEY_FILE: file })).toEqual([
      'KIGO_API_KEY must not hold line breaks or other control characters',
    ]);
  });

  it.each(envs(({ secret }) => secret))('must not be given together with %s', (env) => {
    writeFileSync(file, samples[env]!);
    expect(faults({ [env]: samples[env], [`${env}_FILE`]: file })[0]).toBe(
      `${env} must not be given together with ${env}_FILE`,
    );
  });

  it('counts as unset where one of the two is blank', () => {
    writeFileSync(file, 'from-file');
    expect(read({ KIGO_API_KEY: ' ', KIGO_API_KEY_FILE: file }).kigoApiKey).toBe('from-file');
    expect(read({ KIGO_API_KEY: 'direct', KIGO_API_KEY_FILE: ' ' }).kigoApiKey).toBe('direct');
  });

  it('is a fault of its variable when it is missing, a folder or empty, and its path is not told', () => {
    writeFileSync(file, ' \n');
    expect(from(file)).toEqual(['KIGO_API_KEY is empty: KIGO_API_KEY_FILE names an empty file']);
    for (const path of [join(folder, 'missing'), folder])
      expect(from(path)).toEqual([
        'KIGO_API_KEY cannot be read: KIGO_API_KEY_FILE must name a readable file',
      ]);
  });

  it('is checked again as at the start when it is read again', () => {
    writeFileSync(file, consumers({}));
    const config = read({ DELIVERY_CONSUMERS_FILE: file });
    writeFileSync(file, consumers({ name: 'other' }));
    expect(reloadSecret(config, 'deliveryConsumers')).toMatchObject([{ name: 'other' }]);
    writeFileSync(file, consumers({ url: 'http://wallet.example' }));
    expect(() => reloadSecret(config, 'deliveryConsumers')).toThrow('must use https://');
    writeFileSync(file, '');
    expect(() => reloadSecret(config, 'deliveryConsumers')).toThrow('is empty');
  });

  it('is for secrets alone', () => {
    writeFileSync(file, '8080');
    expect(read({ PORT_FILE: file }).port).toBe(3000);
  });
});

describe('the Config', () => {
  it('cannot be changed', () => {
    const config = read() as { port: number };
    expect(() => (config.port = 1)).toThrow(TypeError);
  });

  it('describes every variable as it took effect, one a line, and masks every secret', () => {
    const lines = read({
      REDIS_URL: 'redis://:canary@redis.example',
      DATABASE_URL: 'postgres://gateway:canary@db.example',
      DELIVERY_CONSUMERS: consumers({ secrets: ['whsec_canary'] }),
      KIIP_REWARD_HOSTS: 'a.example,b.example',
      KIIP_CURRENCIES: '{"coin":{"name":"Coins","max_quantity":5}}',
    })
      .describe()
      .split('\n');
    expect(lines.map((line) => line.split(/[= ]/)[0])).toEqual(envs(() => true));
    expect(lines).toEqual(
      expect.arrayContaining([
        ...envs(({ secret }) => secret).map((env) => `${env}=********`),
        'PORT=3000',
        'KIIP_TEST_MODE=false',
        'KIIP_REWARD_HOSTS=a.example,b.example',
        'KIIP_CURRENCIES={"coin":{"name":"Coins","max_quantity":5}}',
        'JWT_ISSUER (unset)',
      ]),
    );
    expect(lines.join()).not.toMatch(/canary|test_app_secret|test-api-key|demo-kigo-key/);
  });
});
