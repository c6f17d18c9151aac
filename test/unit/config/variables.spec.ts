import type { Environment } from '../../../src/config/read-config.js';
import type { ConfigValues } from '../../../src/config/variables.js';
import { consumer, consumers, envs, configErrors, valueOf } from '../../support/config.js';

/** The consumer with its defaults. */
const parsed = { ...consumer, concurrency: 8 };
const invalidSecrets = (consumer: number) =>
  `consumer ${consumer} of the list needs "secrets": whsec_ and Base64, as echo "whsec_$(openssl rand -base64 32)" prints`;
const INVALID_EVENTS = 'every consumer needs "events", each one of kiip.currency.issued';

const positives = envs(({ default: defaultValue, parse }) => {
  try {
    return defaultValue !== undefined && parse('0.5') === 0.5;
  } catch {
    return false;
  }
});

describe('VARIABLES', () => {
  it('has every variable with its kind', () => {
    expect(envs(() => true)).toHaveLength(72);
    expect(envs(({ required }) => required)).toEqual([
      'KIGO_BASE_URL',
      'KIGO_PARTNER_ID',
      'KIGO_API_KEY',
      'KIIP_APP_KEY',
      'KIIP_APP_SECRETS',
    ]);
    expect(envs(({ secret }) => secret)).toEqual([
      'KIGO_PARTNER_ID',
      'KIGO_API_KEY',
      'KIIP_APP_KEY',
      'KIIP_APP_SECRETS',
      'REDIS_URL',
      'REDIS_SENTINELS',
      'DATABASE_URL',
      'API_KEYS',
      'DELIVERY_CONSUMERS',
      'HTTPS_PROXY',
      'HTTP_PROXY',
    ]);
    expect(positives).toEqual([
      'KIGO_TOKEN_TTL_SECONDS',
      'KIGO_TIMEOUT_MS',
      'KIIP_TIMEOUT_MS',
      'UPSTREAM_DEADLINE_MS',
      'ACCOUNT_TTL_SECONDS',
      'HUB_SUMMARY_TTL_SECONDS',
      'HUB_SUMMARY_STALE_SECONDS',
      'NOT_FOUND_TTL_SECONDS',
      'DATABASE_TIMEOUT_MS',
      'RATE_LIMIT_PER_MINUTE',
      'CALLBACK_RATE_LIMIT_PER_MINUTE',
      'CALLBACK_HOLD_SECONDS',
      'FAILED_CREDENTIALS_PER_MINUTE',
      'KEEP_ALIVE_SECONDS',
      'SHUTDOWN_GRACE_SECONDS',
      'RETENTION_REJECTED_CALLBACKS_DAYS',
      'RETENTION_REWARDED_MOMENTS_DAYS',
      'RETENTION_DELIVERY_ATTEMPTS_DAYS',
      'RETENTION_USERS_DAYS',
    ]);
  });
});

const INVALID_ORIGIN =
  'must be a JSON object of {"kigo", "kiip", "wallet"} and optionally "redis", each an origin that begins with https://, or with http:// on loopback';
const CONTENT = '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab';

describe('the parser of a variable', () => {
  const currencies = { coin: { name: 'Coins', max_quantity: 1000 } };
  const sandbox = {
    kigo: 'http://127.0.0.1:3001',
    kiip: 'http://[::1]:3002',
    wallet: 'https://wallet.example',
  };

  it.each<[env: string, text: string, value: unknown]>([
    ...positives.flatMap((env): [string, string, unknown][] => [
      [env, '900', 900],
      [env, '.001', 0.001],
      [env, '1e-7', 1e-7],
      [env, '1E3', 1000],
    ]),
    ['RATE_LIMIT_PER_MINUTE', '0', 0],
    ['CALLBACK_RATE_LIMIT_PER_MINUTE', '0', 0],
    ['TRUSTED_PROXY_HOPS', '2', 2],
    ['MAX_CONNECTIONS', '500', 500],
    ['MAX_CONNECTIONS_PER_ADDRESS', '0', 0],
    ['PORT', '0', 0],
    ['PORT', '65535', 65_535],
    ['HOST', '::1', '::1'],
    ['KIGO_BASE_URL', 'https://kigo.example/', 'https://kigo.example'],
    ['KIGO_BASE_URL', 'https://kigo.example:8443/api//', 'https://kigo.example:8443/api'],
    ['KIGO_PARTNER_ID', ' as it is ', ' as it is '],
    ['KIGO_API_KEY', 'a,b:c=d é', 'a,b:c=d é'],
    ['KIIP_APP_SECRETS', 'one', ['one']],
    ['KIIP_APP_SECRETS', ' one, two\nthree,\r\n,', ['one', 'two', 'three']],
    ['KIIP_SESSION_PATH', '/2.0/server/session', '/2.0/server/session'],
    ['KIIP_TEST_MODE', 'true', true],
    ['KIIP_TEST_MODE', 'false', false],
    ['KIIP_REWARD_HOSTS', 'Kiip.me, cdn.kiip.me:8443,[::1]:80', ['kiip.me', 'cdn.kiip.me:8443', '[::1]:80']],
    ['KIIP_UNKNOWN_USERS', 'quarantine', 'quarantine'],
    ['KIIP_USER_REFERENCE', 'opaque', 'opaque'],
    ['KIIP_CURRENCIES', JSON.stringify(currencies), currencies],
    ['CONSOLE_SANDBOX', JSON.stringify(sandbox), sandbox],
    ['REDIS_URL', 'rediss://user:word@redis.example:6380/1', 'rediss://user:word@redis.example:6380/1'],
    ['REDIS_SENTINELS', 'rediss://a, rediss://:word@b:26380', ['rediss://a', 'rediss://:word@b:26380']],
    ['REDIS_KEY_PREFIX', 'team_a.rewards-gateway:', 'team_a.rewards-gateway:'],
    ['DATABASE_POOL_SIZE', '6', 6],
    ['DATABASE_URL', 'postgresql:///db?host=/run', 'postgresql:///db?host=/run'],
    // What is checked is used.
    ['DATABASE_URL', ' postgres://user:p%23s@127.0.0.1/gateway\n', 'postgres://user:p%23s@127.0.0.1/gateway'],
    ['REDIS_URL', ' rediss://redis.example ', 'rediss://redis.example'],
    ['JWT_JWKS_URL', ' https://issuer.example/keys', 'https://issuer.example/keys'],
    ['HOST', '[::]', '::'],
    ['HOST', ' 127.0.0.1 ', '127.0.0.1'],
    ['HTTPS_PROXY', 'proxy.example:3128', 'http://proxy.example:3128/'],
    ['HTTP_PROXY', 'http://user:word@proxy.example:3128', 'http://user:word@proxy.example:3128/'],
    ['LOG_LEVEL', 'INFO', 'info'],
    ['LOG_LEVEL', 'Warn', 'warn'],
    [
      'OTEL_RESOURCE_ATTRIBUTES',
      'a=1, deployment.environment=pre%20prod',
      { a: '1', 'deployment.environment': 'pre prod' },
    ],
    ['OTEL_TRACES_SAMPLER_ARG', '0', 0],
    ['CALLER_AUTH', 'none', 'none'],
    [
      'API_KEYS',
      'app:k1,app:k2\nweb:k3',
      [
        { name: 'app', key: 'k1' },
        { name: 'app', key: 'k2' },
        { name: 'web', key: 'k3' },
      ],
    ],
    ['JWT_JWKS_URL', 'https://issuer.example/keys?a=b', 'https://issuer.example/keys?a=b'],
    ['CALLER_SCOPES', '{"shop":["kigo:read"],"ops":[]}', { shop: ['kigo:read'], ops: [] }],
    ['DELIVERY_CONSUMERS', consumers({}, { name: 'other' }), [parsed, { ...parsed, name: 'other' }]],
    [
      'DELIVERY_CONSUMERS',
      consumers({ order_by: 'user_id', concurrency: 1 }),
      [{ ...parsed, order_by: 'user_id', concurrency: 1 }],
    ],
    ['DELIVERY_CONSUMERS', '[]', []],
    ['LOG_LEVEL', 'silent', 'silent'],
    // Node.js fires longer timers at once.
    ['KIGO_TIMEOUT_MS', '1e300', 2_000_000_000],
    ['SHUTDOWN_GRACE_SECONDS', '1e300', 2_000_000],
  ])('accepts %s=%j', (env, text, value) => {
    expect(valueOf(env, text)).toEqual(value);
  });

  it.each<[env: string, text: string, message: string]>([
    ...positives
      .filter((env) => !env.endsWith('_PER_MINUTE') && env !== 'RETENTION_USERS_DAYS')
      .flatMap((env) =>
        ['0', '-1', '1s', '0x10', '1e999', 'Infinity', 'NaN', '1,5', ' 1'].map(
          (text): [string, string, string] => [env, text, 'must be a positive number'],
        ),
      ),
    ['RATE_LIMIT_PER_MINUTE', '-1', 'must be zero or a positive number'],
    ['RATE_LIMIT_PER_MINUTE', 'off', 'must be zero or a positive number'],
    ['FAILED_CREDENTIALS_PER_MINUTE', 'off', 'must be zero or a positive number'],
    ['CALLBACK_RATE_LIMIT_PER_MINUTE', 'off', 'must be zero or a positive number'],
    ...['-1', '1.5', 'all'].map((text): [string, string, string] => [
      'TRUSTED_PROXY_HOPS',
      text,
      'must be a whole number, zero or more',
    ]),
    ['PORT', '65536', 'must be a port, 0 to 65535'],
    ['PORT', '-1', 'must be a port, 0 to 65535'],
    ['PORT', '80.5', 'must be a port, 0 to 65535'],
    ['PORT', 'http', 'must be a port, 0 to 65535'],
    ['KIGO_BASE_URL', 'kigo.example', 'must be a URL that begins with http:// or https://'],
    ['KIGO_BASE_URL', 'ftp://kigo.example', 'must be a URL that begins with http:// or https://'],
    ['KIGO_BASE_URL', 'https://user:word@kigo.example', 'must not contain credentials'],
    ['KIGO_BASE_URL', 'https://kigo.example?a=b', 'must not have a query or a fragment'],
    ['KIIP_BASE_URL', 'https://kiip.example#top', 'must not have a query or a fragment'],
    ['KIGO_API_KEY', 'two\nlines', 'must not contain line breaks or other control characters'],
    ['KIGO_API_KEY', 'key\n', 'must not contain line breaks or other control characters'],
    ['KIIP_APP_SECRETS', ' ,\n,', 'must contain at least one item'],
    ['KIIP_MOMENT_PATH', 'no-slash', 'must be a path that begins with /'],
    ['KIIP_MOMENT_PATH', '/a?b', 'must be a path that begins with /'],
    ['KIIP_TEST_MODE', 'yes', 'must be true or false'],
    ['KIIP_LEGACY_SIGNATURE', '1', 'must be true or false'],
    ['ALLOW_INSECURE_UPSTREAMS', 'TRUE', 'must be true or false'],
    ...['https://kiip.me', 'kiip.me/path', 'user@kiip.me', 'kiip.me:99999', 'a b'].map(
      (text): [string, string, string] => [
        'KIIP_REWARD_HOSTS',
        text,
        'must be hosts (host or host:port), separated by commas or newlines',
      ],
    ),
    ['KIIP_UNKNOWN_USERS', 'reject', 'must be one of accept, quarantine'],
    ['KIIP_USER_REFERENCE', 'hashed', 'must be one of plain, opaque'],
    ...[
      '{}',
      '{"kigo":"http://127.0.0.1:1","kiip":"http://127.0.0.1:2"}',
      // Each is a source of a content security policy.
      ...[
        'http://kigo.example',
        'https://a/path',
        'https://a ; script-src *',
        'ws://localhost',
        "'self'",
      ].map((kigo) => JSON.stringify({ kigo, kiip: 'http://localhost:2', wallet: 'http://localhost:3' })),
    ].map((text): [string, string, string] => ['CONSOLE_SANDBOX', text, INVALID_ORIGIN]),
    ['KIIP_CURRENCIES', '{coin}', 'must be valid JSON'],
    ['KIIP_CURRENCIES', '[]', 'must be a JSON object of {"<content>": {"name", "max_quantity"}}'],
    ['KIIP_CURRENCIES', '{"coin":{"max_quantity":1}}', 'every currency needs a "name"'],
    [
      'KIIP_CURRENCIES',
      '{"coin":{"name":"C","max_quantity":0}}',
      'every "max_quantity" must be a positive integer',
    ],
    [
      'KIIP_CURRENCIES',
      '{"coin":{"name":"C","max_quantity":"5"}}',
      'every "max_quantity" must be a positive integer',
    ],
    ['REDIS_URL', 'http://redis.example', 'must be a URL that begins with redis:// or rediss://'],
    // With a hash tag, the probe would not see that keys of a cluster are elsewhere.
    ['REDIS_KEY_PREFIX', '{a}', 'must be 1 to 64 letters, digits, colons, dots, dashes or underscores'],
    ['DATABASE_POOL_SIZE', '5', 'must be a whole number of at least 6'],
    ['DATABASE_URL', 'mysql://db', 'must be a URL that begins with postgres:// or postgresql://'],
    ...['p#w', '1#w', 'p/w', '1/w', 'p?w', '1?w', '1/w?x', 'p@/w', 'p%w@'].map(
      (password): [string, string, string] => [
        'DATABASE_URL',
        `postgres://user:${password}@db.example/gateway`,
        'is not a valid URL: in the user and the password, percent-encode # as %23, / as %2F, ? as %3F, @ as %40, : as %3A, % as %25',
      ],
    ),
    [
      'OTEL_TRACES_SAMPLER',
      'sometimes',
      'must be one of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio',
    ],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5', 'must be a number from 0 to 1'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a', 'must be key=value pairs, separated by commas; values percent-encoded'],
    [
      'OTEL_RESOURCE_ATTRIBUTES',
      'a=%zz',
      'must be key=value pairs, separated by commas; values percent-encoded',
    ],
    ['CALLER_AUTH', 'basic', 'must be one of api-key, jwt, none'],
    ['API_KEYS', 'lonely', 'must be name:key pairs, separated by commas or newlines'],
    ['API_KEYS', 'a name:key', 'must be name:key pairs, separated by commas or newlines'],
    ['API_KEYS', 'app:', 'must be name:key pairs, separated by commas or newlines'],
    ['API_KEYS', 'app:same,web:same', 'must not contain a key twice'],
    ['JWT_JWKS_URL', 'file:///keys', 'must be a URL that begins with http:// or https://'],
    ['CALLER_SCOPES', '{shop}', 'must be valid JSON'],
    ['CALLER_SCOPES', '["shop"]', 'must be a JSON object of {"<caller>": ["<scope>"]}'],
    ...['{"shop":"kigo:read"}', '{"shop":["kigo:write"]}', '{"shop":[1]}'].map(
      (text): [string, string, string] => [
        'CALLER_SCOPES',
        text,
        'every caller needs a list of scopes: kigo:read, kiip:write, ledger:read, ledger:decide, deliveries:manage',
      ],
    ),
    ['DELIVERY_CONSUMERS', '{}', 'must be a JSON list of consumers'],
    ['DELIVERY_CONSUMERS', '[1]', 'every consumer must be an object'],
    [
      'DELIVERY_CONSUMERS',
      consumers({ secret: 'whsec_canary' }),
      'every consumer may only have "name", "url", "secrets", "events", "order_by", "concurrency" and "allow_insecure"',
    ],
    [
      'DELIVERY_CONSUMERS',
      consumers({ name: 'a b' }),
      'every consumer needs a "name" of letters, digits, dots, dashes',
    ],
    ...[[], [0], [1.5], ['20'], [1_000_000_000], 20].map((quantities): [string, string, string] => [
      'KIIP_CURRENCIES',
      JSON.stringify({ coin: { name: 'C', quantities } }),
      'every "quantities" must be a list of positive integers of at most nine digits',
    ]),
    [
      'KIIP_CURRENCIES',
      '{"coin":{"name":"C","quantity":20}}',
      'every currency may only have "name", "max_quantity" and "quantities"',
    ],
    ['DELIVERY_CONSUMERS', consumers({}, {}), 'every consumer needs a unique "name"'],
    ['DELIVERY_CONSUMERS', consumers({ url: 7 }), 'every consumer needs a "url"'],
    [
      'DELIVERY_CONSUMERS',
      consumers({ url: 'wallet' }),
      'every "url" of a consumer must be a URL that begins with http:// or https://',
    ],
    [
      'DELIVERY_CONSUMERS',
      consumers({ url: 'https://u:p@w.example' }),
      'every "url" of a consumer must not contain credentials or a fragment',
    ],
    ['DELIVERY_CONSUMERS', consumers({ secrets: [] }), invalidSecrets(1)],
    ['DELIVERY_CONSUMERS', consumers({}, { name: 'other', secrets: undefined }), invalidSecrets(2)],
    ['DELIVERY_CONSUMERS', consumers({ events: 'all' }), INVALID_EVENTS],
    ['DELIVERY_CONSUMERS', consumers({ events: ['kiip.currency.isued'] }), INVALID_EVENTS],
    ['DELIVERY_CONSUMERS', consumers({ order_by: 'name' }), 'the "order_by" of a consumer must be user_id'],
    ...[0, 257, 1.5, '8'].map((concurrency): [string, string, string] => [
      'DELIVERY_CONSUMERS',
      consumers({ concurrency }),
      'the "concurrency" of a consumer must be 1 to 256',
    ]),
    ...['whsec_', 'whsec_a-_b', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'].map((text): [string, string, string] => [
      'DELIVERY_CONSUMERS',
      consumers({ secrets: [text] }),
      invalidSecrets(1),
    ]),
    ['LOG_LEVEL', 'verbose', 'must be one of fatal, error, warn, info, debug, trace, silent'],
  ])('rejects %s=%j', (env, text, message) => {
    expect(configErrors({ [env]: text })).toEqual([`${env} ${message}`]);
  });

  it.each<[string, object]>([
    ['names', { a: { name: 'Gold' }, b: { name: 'Silver' } }],
    ['names that continue each other with a letter', { [CONTENT]: { name: 'Gold' }, c: { name: 'Golds' } }],
    ['a zero at the end of the longer content', { coins: { name: 'A' }, coins0: { name: 'B' } }],
    [
      'a limit below any quantity with the digit',
      { coins: { name: 'A', max_quantity: 10 }, coins1: { name: 'B' } },
    ],
    ['quantities', { coins: { name: 'A', quantities: [20] }, coins1: { name: 'B', quantities: [20] } }],
    [
      'quantities of one',
      { coins: { name: 'A', quantities: [15] }, coins1: { name: 'B', quantities: [50] } },
    ],
    ['one that ends in a digit alone', { season3: { name: 'Gold1' } }],
  ])('takes currencies that differ by %s', (_, currencies) => {
    expect(configErrors({ KIIP_CURRENCIES: JSON.stringify(currencies) })).toEqual([]);
  });

  it.each<[string, object, Environment?]>([
    ['the contents', { coins: { name: 'A' }, coins1: { name: 'B' } }],
    [
      'the contents, within their limits',
      {
        coins: { name: 'A', max_quantity: 1000 },
        coins12: { name: 'B', max_quantity: 1000 },
      },
    ],
    ['content and name together', { [CONTENT]: { name: 'Gold' }, [`${CONTENT}G`]: { name: 'old7' } }],
    [
      'the quantities',
      { coins: { name: 'A', quantities: [120, 5] }, coins1: { name: 'B', quantities: [20] } },
    ],
    [
      'a listed quantity',
      { coins: { name: 'A', quantities: [120] }, coins1: { name: 'B', max_quantity: 50 } },
    ],
    ['nothing, as their contents and names are one text', { ab: { name: 'c' }, a: { name: 'bc' } }],
    [
      'content and name without a name',
      { coin: { name: 's1' }, coins: { name: 'B' } },
      {
        KIIP_LEGACY_SIGNATURE: 'true',
      },
    ],
  ])('rejects currencies whose signed texts are not told apart by %s', (_, currencies, env = {}) => {
    expect(configErrors({ KIIP_CURRENCIES: JSON.stringify(currencies), ...env })).toEqual([
      'KIIP_CURRENCIES has currencies that signed texts cannot tell apart: their names or contents differ only by digits at the end',
    ]);
  });

  it('finds no currency under a name that every object has', () => {
    const found = valueOf(
      'KIIP_CURRENCIES',
      '{"coin":{"name":"Coins","max_quantity":1}}',
    ) as ConfigValues['kiipCurrencies'];
    expect(found?.['constructor']).toBeUndefined();
  });
});
